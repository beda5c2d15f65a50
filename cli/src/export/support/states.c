static int count_states(PyInterpreterState *interp)
{
    int count = 0;
    for (PyThreadState *ts = PyInterpreterState_ThreadHead(interp); ts != NULL; ts = PyThreadState_Next(ts))
        count++;
    return count;
}

static int count_all_states(void)
{
    int count = 0;
    for (PyInterpreterState *interp = PyInterpreterState_Head(); interp != NULL; interp = PyInterpreterState_Next(interp))
        count += count_states(interp);
    return count;
}

static int count_interpreters(void)
{
    int count = 0;
    for (PyInterpreterState *interp = PyInterpreterState_Head(); interp != NULL; interp = PyInterpreterState_Next(interp))
        count++;
    return count;
}

