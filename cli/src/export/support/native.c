/* module.function(), called by bytecode in a frame of the scenario's own */
static int call_native(const char *module, const char *function)
{
    PyObject *imported = PyImport_ImportModule(module);
    PyObject *called = imported ? PyObject_GetAttrString(imported, function) : NULL;
    Py_XDECREF(imported);
    if (called == NULL) {
        PyErr_Clear();
        return -1;
    }
    PyObject *code = Py_CompileString("f()", "<eval>", Py_file_input), *locals = PyDict_New();
    PyDict_SetItemString(locals, "f", called);
    int outer = evaluating;
    evaluating = 1;
    PyObject *result = PyEval_EvalCode(code, PyModule_GetDict(PyImport_AddModule("__main__")), locals);
    evaluating = outer;
    Py_DECREF(code);
    Py_DECREF(locals);
    Py_DECREF(called);
    if (result == NULL) {
        PyErr_Clear();
        return -1;
    }
    Py_DECREF(result);
    return 0;
}

