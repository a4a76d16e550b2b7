/* a heap that grows in steps, slowly; as many steps as the argument says, each of 100 chunks of 1000 bytes */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int steps = argc > 1 ? atoi(argv[1]) : 5;
	char *volatile p;
	for (int step = 0; step < steps; step++) {
		for (int i = 0; i < 100; i++) p = malloc(1000); /* step */
		if (argc > 2) raise(SIGUSR2);
		usleep(20000);
	}
	(void)p;
	return 0;
}
