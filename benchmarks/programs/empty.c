/* what every start of a program pays */
int main(void) { return 0; }
