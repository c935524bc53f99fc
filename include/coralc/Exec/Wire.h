//===--- Wire.h - Plain data as bytes and back ------------------*- C++ -*-===//
//
// A worker hands its result to the run as bytes. The format is private to one
// binary: every field in the order in which `fields` names it, numbers as
// eight bytes, strings and vectors behind their length. Strings are bytes, not
// text, so a source file in any encoding survives.
//
// A struct crosses when it has an overload
//
//   template <typename Wire> void fields(Wire &W, Place &P) {
//     W(P.Path, P.Line, P.Column);
//   }
//
// which serves both directions.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_EXEC_WIRE_H
#define CORALC_EXEC_WIRE_H

#include "coralc/Support/Finding.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Endian.h"
#include <concepts>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace coralc {

template <typename Wire> void fields(Wire &W, Place &P) {
  W(P.Path, P.Line, P.Column);
}
template <typename Wire> void fields(Wire &W, TextEdit &E) {
  W(E.Path, E.Offset, E.Length, E.Text);
}
template <typename Wire> void fields(Wire &W, Fix &F) { W(F.Safety, F.Edits); }
template <typename Wire> void fields(Wire &W, Note &N) {
  W(N.Where, N.Message);
}
template <typename Wire> void fields(Wire &W, Finding &F) {
  W(F.Check, F.Where, F.Level, F.Message, F.Notes, F.Fixes);
}
template <typename Wire> void fields(Wire &W, RewriteSite &S) {
  W(S.Where, S.Pattern, S.Status, S.Reason, S.Message, S.Unit);
}

template <typename T>
concept WireNumber = std::is_integral_v<T> || std::is_enum_v<T>;

class WireWriter {
public:
  template <typename... Ts> void operator()(Ts &...Values) {
    (put(Values), ...);
  }
  std::string take() { return std::move(Bytes); }

private:
  template <WireNumber T> void put(T Value) {
    char Raw[8];
    llvm::support::endian::write64le(Raw, static_cast<uint64_t>(Value));
    Bytes.append(Raw, sizeof(Raw));
  }
  void put(std::string &Value) {
    put(Value.size());
    Bytes += Value;
  }
  template <typename T> void put(std::vector<T> &Values) {
    put(Values.size());
    for (T &Value : Values)
      put(Value);
  }
  template <typename T>
    requires std::is_class_v<T>
  void put(T &Value) {
    fields(*this, Value);
  }

  std::string Bytes;
};

/// Reads what \c WireWriter wrote. On truncated bytes everything that is
/// missing stays default and \c complete is false.
class WireReader {
public:
  explicit WireReader(llvm::StringRef Bytes) : Rest(Bytes) {}

  template <typename... Ts> void operator()(Ts &...Values) {
    (get(Values), ...);
  }
  /// Everything was there, and nothing else.
  bool complete() const { return !Short && Rest.empty(); }

private:
  template <WireNumber T> void get(T &Value) {
    Value = static_cast<T>(number());
  }
  void get(std::string &Value) {
    uint64_t Size = number();
    Short |= Size > Rest.size();
    if (!Short)
      Value = Rest.take_front(Size).str();
    Rest = Rest.drop_front(Short ? Rest.size() : Size);
  }
  template <typename T> void get(std::vector<T> &Values) {
    for (uint64_t I = 0, Size = number(); I != Size && !Short; ++I)
      get(Values.emplace_back());
  }
  template <typename T>
    requires std::is_class_v<T>
  void get(T &Value) {
    fields(*this, Value);
  }
  uint64_t number() {
    if (Rest.size() < 8) {
      Short = true;
      Rest = {};
      return 0;
    }
    uint64_t Value = llvm::support::endian::read64le(Rest.data());
    Rest = Rest.drop_front(8);
    return Value;
  }

  llvm::StringRef Rest;
  bool Short = false;
};

template <typename T> std::string toWire(T &Value) {
  WireWriter W;
  W(Value);
  return W.take();
}

/// Nothing if \p Bytes are not a whole \p T.
template <typename T> std::optional<T> fromWire(llvm::StringRef Bytes) {
  T Value;
  WireReader R(Bytes);
  R(Value);
  if (!R.complete())
    return std::nullopt;
  return Value;
}

} // namespace coralc

#endif
