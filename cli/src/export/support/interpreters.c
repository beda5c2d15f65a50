/* _interpreters.exec() and .destroy(): what an interpreter runs is a function among its builtins. */
static int call_interpreters(const char *function, PyInterpreterState *interp, const char *program)
{
    PyObject *module = PyImport_ImportModule("_interpreters");
    PyObject *called = module ? PyObject_GetAttrString(module, function) : NULL;
    PyObject *args = program ? Py_BuildValue("(Ls)", (long long)PyInterpreterState_GetID(interp), program)
                             : Py_BuildValue("(L)", (long long)PyInterpreterState_GetID(interp));
    PyObject *result = called ? PyObject_CallObject(called, args) : NULL;
    Py_XDECREF(called);
    Py_XDECREF(module);
    Py_DECREF(args);
    if (result == NULL)
        PyErr_Clear();
    int done = result == Py_None;
    Py_XDECREF(result);
    return done ? 0 : -1;
}

static void add_builtin(PyMethodDef *method)
{
    PyObject *builtins = PyModule_GetDict(PyImport_AddModule("builtins"));
    PyObject *function = PyCFunction_New(method, NULL);
    PyDict_SetItemString(builtins, method->ml_name, function);
    Py_DECREF(function);
}

