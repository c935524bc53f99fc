//===--- Carried.h - Parameters that are one and the same -------*- C++ -*-===//
//
// Functions of no class hand on what they work on:
//
//   void read(conn_ptr c) {                void write(conn_ptr c) {
//     c->async_read([c](..) {                c->async_write([c](..) {
//       write(c); });                          read(c); });
//   }                                      }
//
// However often they call each other, each `c` is the one with which the agent
// began, as long as nobody changes one of them.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_CARRIED_H
#define CORALC_REWRITES_ENGINE_CARRIED_H

#include "coralc/Rewrites/Engine/StateGraph.h"
#include "llvm/ADT/DenseMap.h"

namespace coralc {

/// Parameters, by the parameter of the entry whose value they always have, and
/// whose name.
using CarriedParameters =
    llvm::DenseMap<const clang::ParmVarDecl *, const clang::ParmVarDecl *>;

/// Finds those of \p States, the agent that begins in \p Entry.
CarriedParameters findCarried(const State &Entry,
                              llvm::ArrayRef<const State *> States);

/// The function of \p P, which is defined, neither changes nor moves it, nor do
/// those that it hands \p P on to; and they hand on nothing else in its place.
bool isKept(const clang::ParmVarDecl &P);

} // namespace coralc

#endif
