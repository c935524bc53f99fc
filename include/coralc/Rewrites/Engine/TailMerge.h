//===--- TailMerge.h - One place for the same operation ---------*- C++ -*-===//
//
// A cycle of handlers often starts its first operation twice: once to get
// going, and again at the end of every turn.
//
//   start:     read(buffer, bind(&session::on_read, ...))
//   on_read:   write(..., bind(&session::on_write, ...))
//   on_write:  read(buffer, bind(&session::on_read, ...))
//
// Both places become jumps to a state of its own, which heads the loop that a
// person would have written.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_TAILMERGE_H
#define CORALC_REWRITES_ENGINE_TAILMERGE_H

#include "coralc/Rewrites/Engine/SourceText.h"

namespace coralc {

/// Lets all sequences of one class that end in starting the same operation,
/// with the same bound handler, in the same words and without any variable of
/// their functions, share that end.
void mergeTails(StateGraph &Graph, const SourceText &Text);

} // namespace coralc

#endif
