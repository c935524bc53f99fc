//===--- Render.h - A planned agent as text ---------------------*- C++ -*-===//
//
// Statements that survive are the user's own text, moved and indented; only
// what connects them is written here: the coroutine's signature, awaits,
// guards and loops, and the call that starts an agent. Each target library is
// one TargetDialect.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_RENDER_H
#define CORALC_REWRITES_ENGINE_RENDER_H

#include "coralc/Rewrites/Engine/Plan.h"
#include "llvm/ADT/DenseMap.h"

namespace coralc {

/// How a target library spells what the engine writes.
class TargetDialect {
public:
  virtual ~TargetDialect() = default;

  /// The return type of a coroutine that returns \p Result ("void", "int").
  virtual std::string taskType(llvm::StringRef Result) const = 0;
  /// The return type of a generator; empty when the target has none.
  virtual std::string generatorType(llvm::StringRef Value) const = 0;
  /// The completion token; with \p Error, the variable that gets the error,
  /// and with \p Executor, where the operation's end is to be seen, if that is
  /// not where the coroutine was started.
  virtual std::string token(llvm::StringRef Error,
                            llvm::StringRef Executor) const = 0;
  std::string token(llvm::StringRef Error) const { return token(Error, ""); }
  /// Starts \p Task, an expression or a lambda, on its own. \p Rethrow names
  /// a function that rethrows what ended it.
  virtual std::string spawn(llvm::StringRef Task, llvm::StringRef Executor,
                            llvm::StringRef Rethrow) const = 0;
  /// Starts \p Task and hands its result to the callback of \p Delivers, or to
  /// that of several which it is for.
  virtual std::string deliver(llvm::StringRef Task, llvm::StringRef Executor,
                              const Delivery &Delivers) const = 0;
  /// What a coroutine returns for several \p Values of \p Types.
  virtual std::string several(llvm::ArrayRef<std::string> Types,
                              llvm::StringRef Values) const = 0;
  /// What a coroutine returns may be in braces alone.
  virtual bool returnsBraces() const = 0;
  /// The function that calls one of libuv's and awaits it; empty when the
  /// target has none.
  virtual std::string requestFunction() const = 0;
  /// The member of that function's result that says which variable gets what
  /// libuv's function returned.
  virtual std::string requestResult() const = 0;
  /// The function template that makes an awaitable of a callable which gets a
  /// callback; empty when the target has none.
  virtual std::string callbackFunction() const = 0;
  /// The function that hands a coroutine to a handle of libuv's, in the place
  /// of a callback; empty when the target has none.
  virtual std::string eventsStart() const = 0;
  /// What such a coroutine waits with, where the callback is of \p Type.
  virtual std::string eventsType(llvm::StringRef Type) const = 0;
  /// The function that starts a callable on an executor.
  virtual std::string startFunction() const = 0;
  /// A start has to name an executor.
  virtual bool needsExecutor() const = 0;
  /// What it needs is Boost's.
  virtual bool isOfBoost() const { return false; }

  /// What the rewritten file uses.
  struct Uses {
    bool Tasks = false;
    bool Tokens = false;
    bool Requests = false;
    bool Events = false;
    bool Callbacks = false;
    bool Generators = false;
    bool ErrorsRedirected = false;
    bool ExecutorsBound = false;
    /// A coroutine says in which of several ways it ended.
    bool Choices = false;
  };
  struct Include {
    std::string Header;
    /// Including one of these directly is as good.
    llvm::SmallVector<std::string, 1> Umbrellas;
    bool Quoted = false;
  };
  virtual std::vector<Include> includes(Uses Uses) const = 0;
  /// What a file needs that only declares coroutines.
  virtual std::vector<Include> declarationIncludes(Uses Uses) const = 0;
};

/// The type that holds one value of each of \p Types: void, the type itself
/// or a tuple.
std::string tupleType(llvm::ArrayRef<std::string> Types);

/// \p Library is the Asio in use, "asio" or "boost::asio", and \p Namespace
/// what the user's code calls it.
std::unique_ptr<TargetDialect> makeDialect(RewriteTarget Target,
                                           llvm::StringRef Library,
                                           llvm::StringRef Namespace);

/// The text of an agent's coroutine.
struct RenderedBody {
  std::string Text;
  /// The ranges of \c Text that the engine wrote; the rest is the user's.
  std::vector<TextRange> Written;
};

/// How a variable is called where a piece of text goes.
using NameOf = llvm::function_ref<std::string(const clang::ValueDecl &)>;

/// How an expression reads where it goes.
using WrittenAs = llvm::function_ref<std::string(const clang::Expr &)>;

/// What stands in place of a call that starts an agent, beside the code around
/// it or as it is written; empty for any other call.
using StartText =
    llvm::function_ref<std::string(const clang::CallExpr &, NameOf, WrittenAs)>;

struct RenderContext {
  const SourceText &Text;
  const TargetDialect &Dialect;
  StartText Start;
  /// Changes inside of the user's code, wherever that goes.
  llvm::ArrayRef<Substitution> Inside;
  Layout Style;
  /// The column of the function's first line.
  unsigned Indent = 0;
};

/// The compound statement of the coroutine, from brace to brace.
RenderedBody renderBody(const Agent &A, const RenderContext &Context);

/// The type of a parameter of a coroutine that gets the value of \p D: by
/// value, so that it is in the frame and not in the caller.
std::string valueTypeText(const clang::DeclaratorDecl &D,
                          const SourceText &Text);

/// The type of what \p P refers to, as that is written, const and all.
std::string referredTypeText(const clang::ParmVarDecl &P,
                             const SourceText &Text);

/// `Type Name`; a pointer to a function has its name inside.
std::string declaration(llvm::StringRef Type, llvm::StringRef Name);

} // namespace coralc

#endif
