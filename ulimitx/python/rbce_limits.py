# SPDX-License-Identifier: GPL-2.0-or-later
"""What a process is allowed, from librbce (rbce_limits(3)).

    import rbce_limits
    with rbce_limits.Limits() as limits:
        print(limits["memory.max"].limit, limits["cpu.max"].imposed_by)
"""
import ctypes
import os

_NONE = 2**64 - 1
_HARD, _USAGE, _HEADROOM, _PEAK, _LIMIT, _HIDDEN = (1 << i for i in range(6))


class _Item(ctypes.Structure):
    _fields_ = [
        ("resource", ctypes.c_int32),
        ("instance", ctypes.c_uint32),
        ("status", ctypes.c_int32),
        ("has", ctypes.c_uint32),
        ("limit", ctypes.c_uint64),
        ("hard", ctypes.c_uint64),
        ("usage", ctypes.c_uint64),
        ("headroom", ctypes.c_uint64),
        ("peak", ctypes.c_uint64),
        ("source", ctypes.c_int32),
        ("level", ctypes.c_int32),
        ("left_source", ctypes.c_int32),
        ("left_level", ctypes.c_int32),
    ]


class _Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("message", ctypes.c_char * 1024)]


def _load():
    library = ctypes.CDLL(os.environ.get("RBCE_LIBRARY", "librbce.so.1"), use_errno=True)
    handle, item = ctypes.c_void_p, ctypes.POINTER(_Item)
    text = [handle, item, ctypes.c_char_p, ctypes.c_size_t]
    for name, result, arguments in (
        ("rbce_limits_open", ctypes.c_int, [handle, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(handle), ctypes.POINTER(_Error)]),
        ("rbce_limits_close", handle, [handle]),
        ("rbce_limits_list", ctypes.c_size_t, [handle, item, ctypes.c_size_t]),
        ("rbce_limits_read", ctypes.c_int, [handle, item, ctypes.c_size_t]),
        ("rbce_limits_imposed_by", ctypes.c_char_p, text),
        ("rbce_limits_instance", ctypes.c_char_p, text),
        ("rbce_limits_unit", ctypes.c_char_p, [handle, item]),
        ("rbce_limits_watch", ctypes.c_int, [handle]),
        ("rbce_limits_changed", ctypes.c_int, [handle]),
        ("rbce_resource_name", ctypes.c_char_p, [ctypes.c_int]),
        ("rbce_resource_find", ctypes.c_int, [ctypes.c_char_p]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Limit:
    """One limit. Amounts are None where there is none or where they are not known."""

    def __init__(self, library, handle, item):
        def known(bit, value):
            return value if item.has & bit and value != _NONE else None

        buf = ctypes.create_string_buffer(4096)
        self.resource = library.rbce_resource_name(item.resource).decode()
        self.instance = library.rbce_limits_instance(handle, item, buf, len(buf)).decode()
        self.unit = library.rbce_limits_unit(handle, item).decode()
        self.imposed_by = library.rbce_limits_imposed_by(handle, item, buf, len(buf)).decode(errors="replace")
        self.status = item.status
        self.is_known = bool(item.has & _LIMIT)
        self.limit = known(_LIMIT, item.limit)
        self.hard = known(_HARD, item.hard)
        self.usage = known(_USAGE, item.usage)
        self.headroom = known(_HEADROOM, item.headroom)
        self.peak = known(_PEAK, item.peak)
        self.ancestors_hidden = bool(item.has & _HIDDEN)

    def __repr__(self):
        return f"<Limit {self.resource} {self.instance}{self.limit} by {self.imposed_by!r}>"


class Limits:
    """The limits of a process (default: this one), through files that stay open."""

    def __init__(self, pid=0):
        self._library, self._handle, error = _load(), ctypes.c_void_p(), _Error()
        r = self._library.rbce_limits_open(None, pid, 0, ctypes.byref(self._handle), ctypes.byref(error))
        if r < 0:
            raise OSError(-r, error.message.decode(errors="replace"))

    def close(self):
        if self._handle:
            self._library.rbce_limits_close(self._handle)
            self._handle = ctypes.c_void_p()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self, items):
        r = self._library.rbce_limits_read(self._handle, items, len(items))
        if r < 0:
            raise OSError(-r, os.strerror(-r))
        return [Limit(self._library, self._handle, item) for item in items]

    def __getitem__(self, name):
        resource = self._library.rbce_resource_find(name.encode())
        if resource < 0:
            raise KeyError(name)
        return self._read((_Item * 1)(_Item(resource=resource)))[0]

    def all(self):
        items = (_Item * 256)()
        n = self._library.rbce_limits_list(self._handle, items, len(items))
        return self._read((_Item * min(n, len(items)))(*items[: min(n, len(items))]))

    def fileno(self):
        """Readable when a control file was written; changed() empties it."""
        r = self._library.rbce_limits_watch(self._handle)
        if r < 0:
            raise OSError(-r, os.strerror(-r))
        return r

    def changed(self):
        return bool(self._library.rbce_limits_changed(self._handle))
