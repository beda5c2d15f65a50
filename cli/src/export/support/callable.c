/* Calls module.function(argument), whose reference it takes. */
static int call_python(const char *module, const char *function, PyObject *argument)
{
    PyObject *imported = PyImport_ImportModule(module);
    PyObject *result = imported ? PyObject_CallMethod(imported, function, "O", argument) : NULL;
    Py_XDECREF(imported);
    Py_DECREF(argument);
    if (result == NULL) {
        PyErr_Clear();
        return -1;
    }
    Py_DECREF(result);
    return 0;
}

