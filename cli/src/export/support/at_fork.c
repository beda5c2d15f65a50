/* os.register_at_fork() */
static int register_at_fork(PyMethodDef *before, PyMethodDef *parent, PyMethodDef *child)
{
    PyMethodDef *hooks[] = {before, parent, child};
    const char *const words[] = {"before", "after_in_parent", "after_in_child"};
    PyObject *none = PyTuple_New(0), *names = PyDict_New();
    for (int hook = 0; hook < 3; hook++)
        if (hooks[hook]) {
            PyObject *function = PyCFunction_New(hooks[hook], NULL);
            PyDict_SetItemString(names, words[hook], function);
            Py_DECREF(function);
        }
    PyObject *module = PyImport_ImportModule("posix");
    PyObject *register_function = module ? PyObject_GetAttrString(module, "register_at_fork") : NULL;
    PyObject *result = register_function ? PyObject_Call(register_function, none, names) : NULL;
    Py_XDECREF(register_function);
    Py_XDECREF(module);
    Py_DECREF(none);
    Py_DECREF(names);
    if (result == NULL) {
        PyErr_Clear();
        return -1;
    }
    Py_DECREF(result);
    return 0;
}

