#include "../../malloc.inc.h"
