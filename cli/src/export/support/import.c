static int import_module(const char *name)
{
    importing = name;
    PyObject *module = PyImport_ImportModule(name);
    importing = NULL;
    if (module == NULL) {
        PyErr_Clear();
        return -1;
    }
    Py_DECREF(module);
    return 0;
}

