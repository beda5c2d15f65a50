/* os.fork(), between two looks at the eval breaker */
static int os_fork(void)
{
    if (eval() != 0)
        return -1;
    PyObject *module = PyImport_ImportModule("posix");
    PyObject *done = module ? PyObject_CallMethod(module, "fork", NULL) : NULL;
    Py_XDECREF(module);
    if (done == NULL) {
        PyErr_Clear();
        return -1;
    }
    Py_DECREF(done);
    eval();
    return 0;
}

