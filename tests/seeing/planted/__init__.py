"""Programs in each of which one line keeps runs from going on side by side: it is marked `# HERE: cause`."""
