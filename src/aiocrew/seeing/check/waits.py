"""Calls of other libraries that hold the thread until something outside answers, by where they come from."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Wait", "wait_of"]


@dataclass(frozen=True, slots=True)
class Wait:
    """How a call waits: the rule that it breaks in async code, and what to write there."""

    code: str
    instead: str


_SLEEP = Wait("AIC201", "await asyncio.sleep(...)")
_HTTP = Wait("AIC202", "an async client, such as `async with httpx.AsyncClient() as client: await client.get(...)`")
_SDK = Wait("AIC202", "the async client of the same library, and await its call")
_THREAD = Wait("AIC202", "an async client, or await asyncio.to_thread(function, ...) with the call in it")
_DATABASE = Wait(
    "AIC203", "an async driver, or await asyncio.to_thread(function, ...) with the work in a plain function"
)
_PROCESS = Wait("AIC204", "process = await asyncio.create_subprocess_exec(...), then await process.communicate()")
_INPUT = Wait("AIC205", "await asyncio.to_thread(input, ...)")

_VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "request")
_FUNCTIONS: dict[str, Wait] = {
    "builtins.input": _INPUT,
    "time.sleep": _SLEEP,
    "os.system": _PROCESS,
    **{f"subprocess.{name}": _PROCESS for name in ("run", "call", "check_call", "check_output", "getoutput")},
    **{f"requests.{verb}": _HTTP for verb in _VERBS},
    **{f"httpx.{verb}": _HTTP for verb in (*_VERBS, "stream")},
    **{f"urllib.request.{name}": _HTTP for name in ("urlopen", "urlretrieve")},
    "urllib3.request": _HTTP,
    **dict.fromkeys(("litellm.completion", "litellm.embedding"), _SDK),
    **{f"openai.{name}.create": _SDK for name in ("chat.completions", "completions", "embeddings", "responses")},
    **{f"openai.{name}.create": _SDK for name in ("ChatCompletion", "Completion", "Embedding")},
    "sqlite3.connect": _DATABASE,
    "psycopg2.connect": _DATABASE,
    "psycopg.connect": _DATABASE,
    "psycopg.Connection.connect": _DATABASE,
    "pymysql.connect": _DATABASE,
    "MySQLdb.connect": _DATABASE,
    "mysql.connector.connect": _DATABASE,
    "pyodbc.connect": _DATABASE,
    "sqlalchemy.create_engine().connect": _DATABASE,
    "sqlalchemy.create_engine().begin": _DATABASE,
}

_EXECUTES = frozenset({"execute", "executemany", "executescript", "commit", "callproc", "copy_expert"})
_SESSION = frozenset({"execute", "scalar", "scalars", "get", "commit", "flush", "refresh", "merge"})
_QUERY = frozenset({"all", "first", "one", "one_or_none", "scalar", "count"})
_DOCUMENTS = frozenset(
    {"find_one", "insert_one", "insert_many", "update_one", "update_many", "delete_one", "delete_many", "aggregate"}
    | {"replace_one", "count_documents", "find_one_and_update", "find_one_and_delete", "distinct", "bulk_write"}
)
_KEYS = frozenset(
    {"get", "set", "setex", "setnx", "delete", "exists", "expire", "incr", "decr", "mget", "mset", "publish", "ping"}
    | {"hget", "hset", "hgetall", "hdel", "lpush", "rpush", "lpop", "rpop", "blpop", "brpop", "lrange", "llen"}
    | {"sadd", "srem", "smembers", "zadd", "zrange", "xadd", "xread", "xreadgroup", "keys", "ttl"}
)
_OPERATIONS = frozenset(
    {"get_object", "put_object", "head_object", "delete_object", "copy_object", "list_objects", "list_objects_v2"}
    | {"upload_file", "upload_fileobj", "download_file", "download_fileobj", "get_item", "put_item", "update_item"}
    | {"delete_item", "batch_get_item", "batch_write_item", "query", "scan", "invoke", "invoke_model", "converse"}
    | {"invoke_agent", "retrieve", "retrieve_and_generate", "send_message", "receive_message", "delete_message"}
    | {"publish", "put_events", "get_secret_value", "get_parameter", "send_email", "start_execution"}
    | {"execute_statement", "start_query_execution", "get_query_results", "assume_role", "get_caller_identity"}
)
_AWS = ("boto3.client()", "boto3.resource()", "boto3.Session().client()", "boto3.Session().resource()")
_COMPLETES = frozenset({"create", "parse"})
_MODELS = (
    *("openai.OpenAI()", "openai.AzureOpenAI()", "anthropic.Anthropic()", "anthropic.AnthropicBedrock()"),
    *("anthropic.AnthropicVertex()", "groq.Groq()", "together.Together()"),
)
_CONNECTIONS = (
    *("sqlite3.connect()", "sqlite3.Connection()", "sqlite3.Cursor()", "psycopg2.connect()", "psycopg.connect()"),
    *("psycopg.Connection()", "psycopg.Connection.connect()", "pymysql.connect()", "MySQLdb.connect()"),
    *("mysql.connector.connect()", "pyodbc.connect()", "sqlalchemy.create_engine()"),
)
_OBJECTS: dict[str, tuple[frozenset[str], Wait]] = {
    "requests.Session()": (frozenset(_VERBS), _HTTP),
    "requests.session()": (frozenset(_VERBS), _HTTP),
    "httpx.Client()": (frozenset({*_VERBS, "stream", "send"}), _HTTP),
    "urllib3.PoolManager()": (frozenset({"request", "urlopen"}), _HTTP),
    "http.client.HTTPConnection()": (frozenset({"request", "getresponse", "connect"}), _HTTP),
    "http.client.HTTPSConnection()": (frozenset({"request", "getresponse", "connect"}), _HTTP),
    **dict.fromkeys(_MODELS, (_COMPLETES, _SDK)),
    "google.genai.Client()": (frozenset({"generate_content", "embed_content"}), _SDK),
    **dict.fromkeys(_AWS, (_OPERATIONS, _THREAD)),
    "subprocess.Popen()": (frozenset({"wait", "communicate"}), _PROCESS),
    **dict.fromkeys(_CONNECTIONS, (_EXECUTES, _DATABASE)),
    "sqlalchemy.orm.Session()": (_SESSION | _QUERY, _DATABASE),
    "sqlalchemy.orm.sessionmaker()": (_SESSION | _QUERY, _DATABASE),
    "redis.Redis()": (_KEYS, _DATABASE),
    "redis.StrictRedis()": (_KEYS, _DATABASE),
    "redis.from_url()": (_KEYS, _DATABASE),
    "redis.Redis.from_url()": (_KEYS, _DATABASE),
    "pymongo.MongoClient()": (_DOCUMENTS, _DATABASE),
}
"""By what was made: the methods that wait, also of what it gives (a connection's cursor, a client's collection)."""


def wait_of(origin: str) -> Wait | None:
    """Return how a call of `origin` waits, None where it does not, or that is not known."""
    known = _FUNCTIONS.get(origin)
    if known is not None:
        return known
    receiver, _, method = origin.rpartition(".")
    end = receiver.find("()")
    while end != -1:
        methods, wait = _OBJECTS.get(receiver[: end + 2], (frozenset[str](), None))
        if method in methods:
            # A pipeline only collects, and answers when it is executed.
            return None if ".pipeline()" in receiver else wait
        end = receiver.find("()", end + 2)
    return None
