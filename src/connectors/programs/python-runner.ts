import { pythonSnippets } from './python-snippets.ts';

/**
 * Started with `python3 -c`: reads the program below from descriptor 3, as a line of JSON, and becomes it.
 * A command line of a few words keeps lists of processes readable.
 */
export const pythonBootstrap = 'import json; requests = open(3, "rb"); exec(json.loads(requests.readline()))';

/**
 * What a warm interpreter runs. One request on descriptor 3 and one answer on descriptor 4, each a line of
 * JSON, so that nothing a snippet prints or reads gets between them.
 */
export const pythonRunner = String.raw`
import json, os, shutil, signal, sys, time, types, _thread
${pythonSnippets}

FOLDER = os.getcwd()
MAX_RESULT = 8 * 1024 * 1024 - 1024
PR_SET_CHILD_SUBREAPER = 36


def answer_to(request):
    module = types.ModuleType("__main__")
    names = module.__dict__
    names.update(request["scope"], __builtins__=__builtins__)
    sys.modules["__main__"] = module
    snippet = None
    try:
        snippet = snippet_of(request["code"])
        value = types.FunctionType(snippet.code, names)()
        text = json_of(names.get("result") if value is ... else value)
        return text if len(text) <= MAX_RESULT else {"error": "too_large"}
    except NotJson as error:
        return {"error": "not_json", "what": str(error)}
    except BaseException as error:
        return failure_of(error, snippet, request["scope"].get("item"))
    finally:
        # A process that the snippet forked must not go on here.
        if os.getpid() != OWN_PID:
            os._exit(0)
        # Frees what functions and their names hold in circles.
        names.clear()


def is_clean():
    """Ends what a run has changed. False when something of it lives on beside the runs to come."""
    try:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.stdin, sys.stdout, sys.stderr = STREAMS
        sys.path[:] = PATH
        restore_environment()
        os.chdir(FOLDER)
        with os.scandir(FOLDER) as entries:
            for entry in entries:
                shutil.rmtree(entry) if entry.is_dir(follow_symlinks=False) else os.unlink(entry)
        return not any(stream.closed for stream in STREAMS) and _thread._count() == 0 and not has_children()
    except BaseException:
        return False


def restore_environment():
    if dict(os.environ) != ENVIRONMENT:
        os.environ.clear()
        os.environ.update(ENVIRONMENT)


def has_children():
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
        return True
    except ChildProcessError:
        return False


def send(text):
    data = memoryview((text + "\n").encode())
    while data:
        data = data[answers.write(data):]


def adopt_orphans():
    """On Linux: what a snippet's programs leave behind becomes a child of this process, so that it is noticed."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def serve():
    for line in requests:
        request = json.loads(line.decode(), object_hook=Fields)
        wall, active = time.perf_counter(), seconds_active()
        answer = answer_to(request)
        wall, active = time.perf_counter() - wall, seconds_active() - active
        parts = ['"result":' + answer if isinstance(answer, str) else '"failure":' + json.dumps(answer)]
        if wall > 0.005 and active < wall / 4:
            parts.append('"waits":true')
        if not is_clean():
            parts.append('"leave":true')
        send('{"id":%d,%s}' % (request["id"], ",".join(parts)))


def seconds_active():
    """Time spent computing, or (on Linux) ready to compute while others had the processors."""
    try:
        return time.process_time() + int(os.pread(SCHEDULER, 100, 0).split()[1]) / 1e9
    except Exception:
        return time.process_time()


def scheduler_file():
    try:
        return os.open("/proc/self/schedstat", os.O_RDONLY)
    except OSError:
        return -1


OWN_PID = os.getpid()
OWN_MODULE = sys.modules["__main__"]
for descriptor in (3, 4):
    os.set_inheritable(descriptor, False)
answers = open(4, "wb", buffering=0)
SCHEDULER = scheduler_file()
# Shims leave variables of their own.
ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG", "LC_ALL")}
ENVIRONMENT["HOME"] = FOLDER
PATH, STREAMS = list(sys.path), (sys.stdin, sys.stdout, sys.stderr)
try:
    adopt_orphans()
except Exception:
    pass
restore_environment()
send(json.dumps({"ready": sys.version_info[:2]}))
serve()
`;
