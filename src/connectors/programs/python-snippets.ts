/**
 * The part of the runner's program that knows what a snippet is: how it is compiled, what its result is as
 * JSON, and how its failure is told.
 *
 * A snippet becomes the body of a function, which lets `return` stand at its top level, and every name that
 * it binds there is declared global, which lets functions and comprehensions see it as in any module.
 */
export const pythonSnippets = String.raw`
import ast, json, re, types

FILE = "<snippet>"
MAX_SNIPPETS = 200
# Calls of the database drivers that go through a list.
TAKES_LIST = ("execute_batch", "execute_values", "executemany")


class Fields(dict):
    """A dict whose keys can be read as attributes, where dict itself has none of that name."""

    __slots__ = ()

    def __getattr__(self, name):
        if name in self and not name.startswith("__"):
            return self[name]
        raise AttributeError("there is no %r" % name)

    def __reduce_ex__(self, protocol):
        return dict, (dict(self),)


class NotJson(Exception):
    pass


class TopLevel(ast.NodeTransformer):
    """Rewrites what a module may hold and a function may not."""

    def visit_FunctionDef(self, node):
        return node

    visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = visit_FunctionDef

    def visit_AnnAssign(self, node):
        if not isinstance(node.target, ast.Name):
            return node
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)

    def visit_ImportFrom(self, node):
        if node.names[0].name != "*":
            return node
        statement = "from %s%s import *" % ("." * node.level, node.module or "")
        call = ast.parse("exec(%r, globals())" % statement).body[0]
        for part in ast.walk(call):
            ast.copy_location(part, node)
        return call


class Snippet:
    def __init__(self, text):
        tree = ast.parse(text, FILE)
        self.loops_over_item = any(map(takes_item_as_list, ast.walk(tree)))
        future = [node for node in tree.body if is_future(node)]
        body = [TopLevel().visit(node) for node in tree.body if not is_future(node)]
        # "return ..." (an Ellipsis) at the end tells a snippet without a return from one that returns None.
        body += ast.parse("def f(): return ...").body[0].body
        draft = function_code(future, body)
        names = [name for name in draft.co_varnames + draft.co_cellvars if name.isidentifier()]
        self.code = function_code(future, [ast.Global(names=names)] + body) if names else draft


def is_future(node):
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def function_code(future, body):
    module = ast.parse("def snippet(): pass")
    module.body[0].body = body
    module.body = future + module.body
    compiled = compile(ast.fix_missing_locations(module), FILE, "exec", dont_inherit=True)
    return next(code for code in compiled.co_consts if isinstance(code, types.CodeType))


def takes_item_as_list(node):
    if isinstance(node, (ast.For, ast.comprehension)):
        over = [node.iter] + (node.iter.args if isinstance(node.iter, ast.Call) else [])
    elif isinstance(node, ast.Call) and called_name(node.func) in TAKES_LIST:
        over = node.args
    else:
        return False
    return any(isinstance(each, ast.Name) and each.id == "item" for each in over)


def called_name(node):
    return getattr(node, "attr", None) or getattr(node, "id", None)


snippets = {}


def snippet_of(text):
    known = snippets.get(text)
    if known is None:
        if len(snippets) >= MAX_SNIPPETS:
            snippets.clear()
        known = snippets[text] = Snippet(text)
    return known


def plain(value):
    """What JSON has no word for: sets, and the numbers and arrays of numpy and pandas."""
    if isinstance(value, (set, frozenset)):
        try:
            return sorted(value)
        except TypeError:
            return list(value)
    for method in ("tolist", "item"):
        try:
            return getattr(value, method)()
        except Exception:
            pass
    raise NotJson(named(value))


def with_plain_keys(value):
    if isinstance(value, dict):
        return {plain_key(key): with_plain_keys(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_plain_keys(item) for item in value]
    return value


def plain_key(key):
    if key is None or isinstance(key, (str, int, float)):
        return key
    try:
        return key.item()
    except Exception:
        raise NotJson(named(key) + " as a key")


def named(value):
    name = type(value).__name__
    return ("an " if name[:1].lower() in "aeiou" else "a ") + name


def exact(digits):
    if abs(int(digits)) > 2 ** 53:
        raise NotJson("a whole number beyond 2^53")
    return 0


encode = json.JSONEncoder(allow_nan=False, default=plain, separators=(",", ":")).encode
long_number = re.compile(r"\d{16}").search


def json_of(value):
    try:
        try:
            text = encode(value)
        except TypeError:
            text = encode(with_plain_keys(value))
        if long_number(text):
            json.loads(text, parse_int=exact)
    except ValueError as error:
        reason = str(error)
        if "Circular" in reason:
            raise NotJson("a value that holds itself")
        raise NotJson("NaN or Infinity" if "range" in reason else "too long a number")
    except RecursionError:
        raise NotJson("a value that is nested too deeply")
    return text


def line_of(error):
    """The line of the snippet that was being run."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def text_of(error):
    try:
        return str(error)[:2000]
    except BaseException:
        return ""


def failure_of(error, snippet, item):
    kind = type(error).__name__
    if snippet is None:
        return {"error": "syntax", "line": getattr(error, "lineno", None), "text": getattr(error, "msg", kind)}
    if isinstance(error, ModuleNotFoundError) and error.name:
        return {"error": "module", "name": error.name, "line": line_of(error)}
    one_item = isinstance(error, (TypeError, AttributeError)) and not isinstance(item, list)
    return {
        "error": "exception",
        "type": kind,
        "line": line_of(error),
        "text": text_of(error),
        "transient": isinstance(error, (ConnectionError, TimeoutError)),
        "one_item": one_item and snippet.loops_over_item,
    }
`;
