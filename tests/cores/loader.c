/* SPDX-License-Identifier: MIT */
/* Runs the service of each library that is named, each with a runtime of its own, in a thread of its own. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *run(void *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    int (*service)(void) = library ? (int (*)(void))dlsym(library, "run_service") : NULL;
    if (service)
        service();
    else
        fprintf(stderr, "%s\n", dlerror());
    return NULL;
}

int main(int count, char **paths)
{
    pthread_t thread;
    for (int i = 1; i < count; i++)
        pthread_create(&thread, NULL, run, paths[i]);
    for (;;)
        pause();
}
