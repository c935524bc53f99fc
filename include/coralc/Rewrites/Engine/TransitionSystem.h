//===--- TransitionSystem.h - What is seen of an agent ----------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_TRANSITIONSYSTEM_H
#define CORALC_REWRITES_ENGINE_TRANSITIONSYSTEM_H

#include "clang/AST/Decl.h"
#include "llvm/ADT/STLExtras.h"
#include <map>
#include <string>
#include <vector>

namespace coralc {

/// What is seen at a place: text in which local variables have no names, and
/// what the names in it refer to.
struct Label {
  std::string Text;
  std::vector<std::string> References;
  /// The local declarations that it mentions, null where the other system has
  /// a variable for something else.
  std::vector<const clang::ValueDecl *> Locals;
  /// It says how the output is to be written, which may refer to more.
  bool IsMadeUp = false;

  Label(std::string Text) : Text(std::move(Text)) {}
  Label(const char *Text) : Text(Text) {}

  void add(const Label &Other) {
    llvm::append_range(References, Other.References);
    llvm::append_range(Locals, Other.Locals);
    IsMadeUp |= Other.IsMadeUp;
  }
  Label &operator+=(const Label &Other) {
    Text += Other.Text;
    add(Other);
    return *this;
  }
  friend Label operator+(Label Left, const Label &Right) {
    return Left += Right;
  }
};

/// A place in an agent's life. A test goes on to \c Next when it holds and to
/// \c Else when not; a choice, to where the value that it looks at says or else
/// to \c Next; an event goes on to \c Next.
struct Point {
  enum class Kind { Silent, Event, Test, Choice, End };
  Kind What = Kind::Silent;
  Label Seen = "";
  unsigned Next = 0;
  unsigned Else = 0;
  std::map<std::string, unsigned> Cases = {};
};

struct TransitionSystem {
  std::vector<Point> Points;
  unsigned Start = 0;

  unsigned add(Point P) {
    Points.push_back(std::move(P));
    return Points.size() - 1;
  }
  /// \p At, or where it silently leads. A silent cycle is its own end.
  unsigned settle(unsigned At) const {
    for (size_t Steps = 0; Steps <= Points.size(); ++Steps) {
      if (Points[At].What != Point::Kind::Silent)
        return At;
      At = Points[At].Next;
    }
    return At;
  }
};

/// What \p Input does and \p Output does not, or the other way round; empty
/// when there is no difference.
std::string compare(const TransitionSystem &Input,
                    const TransitionSystem &Output);

} // namespace coralc

#endif
