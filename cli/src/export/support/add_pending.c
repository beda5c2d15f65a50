/* Queues a call for one interpreter. The flags came with 3.12. */
#if PY_VERSION_HEX >= 0x030C0000
extern int _PyEval_AddPendingCall(PyInterpreterState *, int (*)(void *), void *, int);
#define add_pending_call(interp, call, arg, flags) (_PyEval_AddPendingCall(interp, call, arg, flags) ? -1 : 0)
#else
extern int _PyEval_AddPendingCall(PyInterpreterState *, int (*)(void *), void *);
#define add_pending_call(interp, call, arg, flags) (_PyEval_AddPendingCall(interp, call, arg) ? -1 : 0)
#endif

