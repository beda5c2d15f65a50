/* signal.signal(SIGINT, handler) */
static int at_signal(PyMethodDef *handler)
{
    PyObject *module = PyImport_ImportModule("_signal");
    PyObject *function = PyCFunction_New(handler, NULL);
    PyObject *result = module ? PyObject_CallMethod(module, "signal", "iO", SIGINT, function) : NULL;
    Py_XDECREF(module);
    Py_DECREF(function);
    if (result == NULL) {
        PyErr_Clear();
        return -1;
    }
    Py_DECREF(result);
    return 0;
}

