static int import_module(const char *name)
{
    PyObject *module = PyImport_ImportModule(name);
    if (module == NULL) {
        PyErr_Clear();
        return -1;
    }
    Py_DECREF(module);
    return 0;
}

