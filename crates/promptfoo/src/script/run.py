# Calls a function with arguments from standard input; what the function prints goes to standard error.
import asyncio, functools, importlib.util, inspect, json, os, re, sys

job = json.loads(sys.stdin.buffer.read().decode("utf-8"))
out = os.dup(1)
os.dup2(2, 1)


def inline():
    code = job["code"]
    if "\n" in code:
        found = re.search(r"^(?!\s*$)[ \t]+", code, re.M)
        indent = found.group(0) if found else "    "
        body = "\n".join(indent + line for line in code.split("\n"))
    else:
        body = "    return " + code
    scope = {"json": json}
    exec("import json\ndef main(" + ", ".join(job["names"]) + "):\n" + body + "\n", scope)
    return scope["main"]


def loaded():
    path = os.path.abspath(job["file"])
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location("suite_script", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["suite_script"] = module
    spec.loader.exec_module(module)
    try:
        return functools.reduce(getattr, job["function"].split("."), module)
    except AttributeError:
        raise AttributeError("%s has no function `%s`" % (job["file"], job["function"]))


try:
    value = (inline() if "code" in job else loaded())(*job["args"])
    if inspect.isawaitable(value):
        value = asyncio.run(value)
    answer = json.dumps({"value": value})
except BaseException as error:
    answer = json.dumps({"error": "%s: %s" % (type(error).__name__, error)})
with os.fdopen(out, "w") as result:
    result.write(answer)
