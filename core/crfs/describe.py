#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints, as a table in C, what the engine's images are made of: their messages, with the fields' names,
types and how they are best shown, and which message stands in which image. All of it is read from the
Python modules of the engine's package, which are not run but for their tables."""
import ast
import pathlib
import sys

FIELD_OPTIONS = 1018  # the engine's own, a message like this
SHOWS = {1: "HEX", 2: "ADDRESS", 3: "FLAGS", 4: "DEVICE", 5: "OLD_DEVICE", 6: "NAMES"}
PAYLOADS = {"pagemap_handler": ("pagemap_head", "pagemap_entry"),
            "ghost_file_handler": ("ghost_file_entry", "ghost_chunk_entry")}
EXTRAS = {"ghost_file_handler": "GHOST", "pipes_data_extra_handler": "BYTES", "sk_queues_extra_handler": "LENGTH",
          "tcp_stream_extra_handler": "QUEUES", "bpfmap_data_extra_handler": "MAP", "ipc_sem_set_handler": "SEMAPHORES",
          "ipc_msg_queue_handler": "MESSAGES", "ipc_shm_handler": "SEGMENT"}


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """The fields of a message: number -> values, in their order."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            sys.exit("describe: a descriptor has a field of wire type %d" % (key & 7))
        found.setdefault(key >> 3, []).append(value)
    return found


def text(values):
    return values[0].decode() if values else ""


class Field:
    def __init__(self, data):
        f = fields(data)
        self.name, self.number, self.type = text(f.get(1)), f[3][0], f[5][0]
        self.repeated = f.get(4) == [3]
        self.of = text(f.get(6)).lstrip(".")
        options = fields(f[8][0]) if 8 in f else {}
        own = fields(options[FIELD_OPTIONS][0]) if FIELD_OPTIONS in options else {}
        self.show, self.map = "PLAIN", None
        for number, value in own.items():
            self.show = SHOWS.get(number, self.show)
            if number in (3, 6):
                self.map = text(value)


def modules(folder):
    """The descriptor of each module, as bytes."""
    for path in sorted(folder.glob("*_pb2.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "AddSerializedFile":
                yield node.args[0].value


def collect(folder):
    messages, enums = {}, {}

    def enum(data, inside):
        e = fields(data)
        enums[inside + text(e[1])] = [(fields(v)[2][0], text(fields(v)[1])) for v in e.get(2, [])]

    def message(data, inside):
        m = fields(data)
        name = inside + text(m[1])
        messages[name] = sorted((Field(f) for f in m.get(2, [])), key=lambda f: f.number)
        for nested in m.get(3, []):
            message(nested, name + ".")
        for nested in m.get(4, []):
            enum(nested, name + ".")

    for data in modules(folder):
        f = fields(data)
        for m in f.get(4, []):
            message(m, "")
        for e in f.get(5, []):
            enum(e, "")
    return messages, enums


def tables(path):
    """The assignments of a module that are tables of values."""
    names = {}
    for node in ast.parse(path.read_text()).body:
        name = ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else ""
        if name.endswith("_map") or name in ("flags_maps", "sk_maps"):
            exec(compile(ast.Module([node], []), str(path), "exec"), names)
    return names


def magics(path):
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("by_name["):
            found[node.targets[0].slice.value] = node.value.value
    return found


def images(path):
    """name of an image -> (first message, the others' message, extra)"""
    for node in ast.parse(path.read_text()).body:
        if not isinstance(node, ast.Assign) or ast.unparse(node.targets[0]) != "handlers":
            continue
        for key, call in zip(node.value.keys, node.value.values):
            handler = call.func.id
            if handler in PAYLOADS:
                yield key.value, *PAYLOADS[handler], EXTRAS.get(handler, "NONE")
            else:
                payload = call.args[0].attr
                extra = EXTRAS[call.args[1].func.id] if len(call.args) > 1 else "NONE"
                yield key.value, payload, payload, extra


def symbol(name):
    return name.replace(".", "__")


def print_names(name, pairs):
    rows = "".join("\t{UINT64_C(%d), \"%s\"},\n" % (value & (1 << 64) - 1, text) for value, text in pairs)
    print("static const struct value_name %s[] = {\n%s\t{0, NULL},\n};\n" % (name, rows))


def print_message(name, members, maps):
    print("static const struct field_type fields_%s[] = {" % symbol(name))
    for f in members:
        row = '.name = "%s", .number = %d, .type = %d' % (f.name, f.number, f.type)
        if f.repeated:
            row += ", .repeated = true"
        if f.show != "PLAIN":
            row += ", .show = SHOW_" + f.show
        if f.type == 14:
            row += ", .names = enum_" + symbol(f.of)
        elif f.map is not None:
            found = f.map.replace(".", "_") if f.show == "FLAGS" else "%s_%s" % (f.map, f.name)
            row += ", .names = map_" + found if found in maps else ""
        if f.type == 11:
            row += ", .of = &message_" + symbol(f.of)
        print("\t{%s}," % row)
    print("\t{.name = NULL},\n};")
    print('const struct message_type message_%s = {.name = "%s", .fields = fields_%s};\n'
          % (symbol(name), name, symbol(name)))


def main(folder):
    messages, enums = collect(folder)
    known, shown = magics(folder / "magic.py"), tables(folder / "pb2dict.py")
    maps = {name.replace(".", "_"): [(v, k) for k, v in rows] for name, rows in shown["flags_maps"].items()}
    # Its names for the state of a task are the wrong way round: that stays a number.
    maps.update(("sk_" + field, rows.items()) for field, rows in shown["sk_maps"].items())
    print("/* Made by core/crfs/describe.py. */\n#include <core/crfs/img.h>\n")
    for name, rows in maps.items():
        print_names("map_" + name, rows)
    for name in sorted({f.of for members in messages.values() for f in members if f.type == 14}):
        print_names("enum_" + symbol(name), enums[name])
    for name in messages:
        print("extern const struct message_type message_%s;" % symbol(name))
    print()
    for name, members in messages.items():
        print_message(name, members, maps)
    print("const struct img_type img_types[] = {")
    for name, first, rest, extra in images(folder / "images.py"):
        if name not in known:  # named, but never written to a file
            continue
        print('\t{.name = "%s", .magic = 0x%08x, .first = &message_%s, .rest = &message_%s, .extra = EXTRA_%s},'
              % (name, known[name], first, rest, extra))
    print("\t{.name = NULL},\n};")
    for name in ("IMG_COMMON", "IMG_SERVICE"):
        print("const uint32_t magic_%s = 0x%08x;" % (name[4:].lower(), known[name]))
    print("const struct message_type *const message_of_queues = &message_ipc_msg;")


main(pathlib.Path(sys.argv[1]))
