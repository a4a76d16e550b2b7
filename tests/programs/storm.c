/* threads that allocate and free without end while main forks children, which end in several ways; asserts what it is told */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *churn(void *arg)
{
	void *kept[64] = {0};
	for (unsigned i = 0; arg; i = i * 1103515245 + 12345) {
		unsigned k = i >> 8 & 63;
		free(kept[k]);
		kept[k] = malloc(1 + (i >> 16 & 1023));
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int children = argc > 1 ? atoi(argv[1]) : 10;
	pthread_t t;
	void *volatile p;
	for (int i = 0; i < 4; i++) pthread_create(&t, NULL, churn, &t);
	for (int i = 0; i < children; i++) {
		pid_t child = fork();
		if (!child) {
			for (int k = 0; k < 100; k++) p = malloc(77); /* child */
			exit(0);
		}
		int status;
		if (waitpid(child, &status, 0) != child || status) {
			fprintf(stderr, "child: %x\n", status);
			_exit(1);
		}
	}
	p = malloc(78); /* parent */
	return 0;
}
