static PyThreadState *new_interpreter(const PyInterpreterConfig *config)
{
    PyThreadState *ts = NULL;
    PyStatus status = Py_NewInterpreterFromConfig(&ts, config);
    return PyStatus_Exception(status) ? NULL : ts;
}

