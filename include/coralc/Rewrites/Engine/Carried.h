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

/// Parameters, by the variable with which the agent began whose value they
/// always have, and whose name: a parameter of its entry, or a variable of the
/// function in whose middle it begins.
using CarriedParameters =
    llvm::DenseMap<const clang::ParmVarDecl *, const clang::VarDecl *>;

/// Finds those of \p States, the agent that begins in \p Entry.
CarriedParameters findCarried(const State &Entry,
                              llvm::ArrayRef<const State *> States);

/// The code of \p S does something else with \p V than to read it, or to hand
/// it on to a handler.
bool changes(const State &S, const clang::VarDecl &V);

/// The function of \p P, which is defined, neither changes nor moves it, nor do
/// those that it hands \p P on to; and they hand on nothing else in its place.
bool isKept(const clang::ParmVarDecl &P);

} // namespace coralc

#endif
