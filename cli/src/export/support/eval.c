static __thread int evaluating;             /* it evaluates a frame of the scenario's own */

/* Runs bytecode that does nothing: one look at the eval breaker. */
static int eval(void)
{
    PyObject *globals = PyModule_GetDict(PyImport_AddModule("__main__"));
    PyObject *code = Py_CompileString("", "<eval>", Py_file_input);
    int outer = evaluating;
    evaluating = 1;
    PyObject *result = PyEval_EvalCode(code, globals, globals);
    evaluating = outer;
    Py_DECREF(code);
    if (result == NULL) {
        PyErr_Clear();
        return -1;
    }
    Py_DECREF(result);
    return 0;
}

