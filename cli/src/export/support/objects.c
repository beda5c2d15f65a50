static void kept(PyObject *capsule)
{
}

/* An object that runs `finalizer` when it dies; a cyclic one dies in a collection. __main__ holds it. */
static PyObject *new_object(const char *name, void (*finalizer)(PyObject *), int cyclic)
{
    PyObject *object = PyCapsule_New(&shared, NULL, finalizer);
    if (cyclic) {
        PyObject *list = PyList_New(0);
        PyList_Append(list, list);
        PyList_Append(list, object);
        Py_DECREF(object);
        object = list;
    }
    PyDict_SetItemString(PyModule_GetDict(PyImport_AddModule("__main__")), name, object);
    Py_DECREF(object);
    return object;
}

/* Drops the last reference to it. */
static void drop_object(const char *name)
{
    if (PyDict_DelItemString(PyModule_GetDict(PyImport_AddModule("__main__")), name) != 0)
        PyErr_Clear();
}

