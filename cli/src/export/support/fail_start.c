static atomic_int start_fails;

static void *start_routine(void *);

/* No thread can be made the next time that CPython asks for one. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (real == NULL)
        real = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(RTLD_NEXT, "pthread_create");
    if (!OWN_THREAD && atomic_exchange(&start_fails, 0))
        return EAGAIN;
    return real(thread, attributes, routine, argument);
}

