static void *start_routine(void *thread)
{
    int t = (int)(intptr_t)thread;
    begin_thread(t);
    bodies[t](NULL);
    me->done = 1;
    return NULL;
}

static void start(int t)
{
    pthread_t thread;
    shared->threads[t].state = MOVES;
    pthread_create(&thread, NULL, start_routine, (void *)(intptr_t)t);
    pthread_detach(thread);
}

