//===--- RepeatedCallback.h - What is called again and again ----*- C++ -*-===//
//
// A handle of libuv calls one callback at every event, until it is stopped or
// closed:
//
//   void on_read(uv_stream_t *client, ssize_t size, const uv_buf_t *bytes) {
//     if (size < 0) {
//       uv_close((uv_handle_t *)client, on_close);
//       return;
//     }
//     ...
//   }
//
// As a coroutine it is a loop around the same body. Each event resumes it where
// the callback was called, and a return is a continue. When there will be no
// more events, there is no more turn: the runtime looks whether the handle is
// closing, so that nothing has to be known about who closes it, and where.
//
// Nothing moves. The callback changes its head, its body gets a loop, and the
// calls that name it become calls of the function that starts a coroutine.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_REPEATEDCALLBACK_H
#define CORALC_REWRITES_ENGINE_REPEATEDCALLBACK_H

#include "coralc/Rewrites/Engine/Edit.h"

namespace coralc {

struct RepeatedCallback {
  /// The definition, or the call operator of \c Lambda. Its first parameter is
  /// the handle.
  const clang::FunctionDecl *Function = nullptr;
  const clang::LambdaExpr *Lambda = nullptr;
  /// The function around \c Lambda, or \c Function.
  const clang::FunctionDecl *Around = nullptr;
  /// What libuv calls the type of the callback: "uv_read_cb".
  std::string Type;
  /// The calls that hand it to libuv.
  std::vector<const clang::CallExpr *> Starts;
  /// Those of its own, not those of lambdas inside.
  std::vector<const clang::ReturnStmt *> Returns;

  const clang::CompoundStmt &body() const;
};

/// A call of \p E's that hands a callback to a handle, be it written as a call
/// of libuv's or, in output, as one of the function that starts a coroutine.
struct RepeatedStart {
  /// libuv's function.
  const clang::FunctionDecl *Function = nullptr;
  /// libuv's arguments.
  llvm::SmallVector<const clang::Expr *, 4> Arguments;
  /// Which of them is the callback.
  unsigned Callback = 0;
};
std::optional<RepeatedStart> repeatedStart(const clang::CallExpr &Call);

/// What stands before the arguments of such a call, spelled as a call of
/// libuv's.
std::optional<Substitution> headOfRepeated(const clang::CallExpr &Call,
                                           const SourceText &Text);

/// What turns \p Code into a coroutine, but for the includes; no two of them
/// touch the same text. \p Events is the name of what it waits for, and
/// \p Depth how many other callbacks, which get a loop as well, are around.
std::vector<Substitution> editRepeated(const RepeatedCallback &Code,
                                       const SourceText &Text,
                                       const TargetDialect &Dialect,
                                       llvm::StringRef Events, unsigned Depth);

/// What \p Code does in \p Input at an event and no loop of \p Output does;
/// empty when there is no difference. \p Converted are all agents that have
/// become coroutines.
std::string compareRepeated(const RepeatedCallback &Code,
                            const SourceText &Input, const SourceText &Output,
                            llvm::ArrayRef<Agent *> Converted);

} // namespace coralc

#endif
