#include "sidefridge/os/tree_watch.h"
