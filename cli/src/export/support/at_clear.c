static void at_clear(PyObject *dictionary, void (*callback)(PyObject *))
{
    PyObject *capsule = PyCapsule_New(&shared, NULL, callback);
    PyObject *key = PyLong_FromVoidPtr(capsule);
    PyDict_SetItem(dictionary, key, capsule);
    Py_DECREF(key);
    Py_DECREF(capsule);
}

/* The dictionary of a thread state, also of one that is not the current one. */
#if PY_VERSION_HEX < 0x03090000
static PyObject *dictionary_of(PyThreadState *ts)
{
    if (ts->dict == NULL)
        ts->dict = PyDict_New();
    return ts->dict;
}
#else
extern PyObject *_PyThreadState_GetDict(PyThreadState *);
#define dictionary_of(ts) _PyThreadState_GetDict(ts)
#endif

