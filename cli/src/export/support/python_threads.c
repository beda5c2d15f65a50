static PyObject *thread_class, *thread_objects[THREADS];

static PyObject *python_routine(PyObject *number, PyObject *unused)
{
    int t = (int)PyLong_AsLong(number);
    begin_thread(t);
    bodies[t](NULL);
    me->done = 1;
    Py_RETURN_NONE;
}

static int import_threading(void)
{
    importing = "threading";
    PyObject *module = PyImport_ImportModule(importing);
    importing = NULL;
    PyObject *class = module ? PyObject_GetAttrString(module, "Thread") : NULL;
    Py_XDECREF(module);
    if (class == NULL) {
        PyErr_Clear();
        return -1;
    }
    thread_class = class;
    return 0;
}

/* threading.Thread(target=..., daemon=...).start() */
static int start_python(int t, int daemon)
{
    static PyMethodDef body = {"body", python_routine, METH_NOARGS, NULL};
    if (thread_class == NULL && import_threading() != 0)
        return -1;
    PyObject *number = PyLong_FromLong(t), *target = PyCFunction_New(&body, number);
    PyObject *none = PyTuple_New(0), *names = PyDict_New();
    PyDict_SetItemString(names, "target", target);
    PyDict_SetItemString(names, "daemon", daemon ? Py_True : Py_False);
    shared->threads[t].state = MOVES;
    thread_objects[t] = PyObject_Call(thread_class, none, names);
    PyObject *done = thread_objects[t] ? PyObject_CallMethod(thread_objects[t], "start", NULL) : NULL;
    Py_DECREF(number);
    Py_DECREF(target);
    Py_DECREF(none);
    Py_DECREF(names);
    if (done == NULL) {
        PyErr_Clear();
        shared->threads[t].state = IDLE;
        return -1;
    }
    Py_DECREF(done);
    return 0;
}

/* Thread.join() */
static int join_python(int t)
{
    PyObject *done = thread_objects[t] ? PyObject_CallMethod(thread_objects[t], "join", NULL) : NULL;
    if (done == NULL) {
        PyErr_Clear();
        return -1;
    }
    Py_DECREF(done);
    return 0;
}

