// overloaded.h - one function a type of a variant, so that the compiler asks about each.
#pragma once

namespace sidefridge {

/// For std::visit: the compiler names the alternative that nobody thought about.
template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

template <class T>
struct IgnoredOne {
  void operator()(const T&) const noexcept {}
};

/// The alternatives for which nothing is to be done, by name.
template <class... T>
struct Ignored : IgnoredOne<T>... {
  using IgnoredOne<T>::operator()...;
};

}  // namespace sidefridge
