import crewai; print(crewai.__version__)
