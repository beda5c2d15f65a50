/* ---- What finalization left ---------------------------------------------
 *
 * Thread states that were made, each with its thread. free() is the whole program's, CPython's too: it notes which of them
 * are given back. One is lost if its thread has ended and it was not.
 */

extern void __libc_free(void *);

void free(void *block)
{
    for (int i = 0; shared != NULL && block != NULL && i < shared->made; i++)
        if (shared->states[i].state == block)
            shared->states[i].state = NULL;
    __libc_free(block);
}

static PyThreadState *made(PyThreadState *ts)
{
    for (int i = 0; i < shared->made; i++)
        if (shared->states[i].state == ts)
            return ts;
    int i = shared->made++;
    shared->states[i].state = ts;
    shared->states[i].thread = me - shared->threads;
    return ts;
}

static PyGILState_STATE ensured(void)
{
    PyGILState_STATE g = PyGILState_Ensure();
    made(PyGILState_GetThisThreadState());
    return g;
}

static int states_left(void)
{
    int left = 0;
    for (int i = 0; i < shared->made; i++)
        left += shared->states[i].state != NULL && shared->states[i].thread != 0 && is_over(shared->states[i].thread);
    return left;
}

