// inherited_limits.h - what a parent may leave us with that would stop us from writing our own files.
#pragma once

namespace sidefridge::os {

/// Makes a write beyond the limit of a file's size (`ulimit -f`) the error EFBIG instead of SIGXFSZ, which would end us
/// without a word. What spawn() starts has the signal as usual.
void ignore_file_size_signal() noexcept;

/// Takes out of the umask what it would take from ourselves: with 0777 we could not open again what we have made.
void keep_own_rights() noexcept;

}  // namespace sidefridge::os
