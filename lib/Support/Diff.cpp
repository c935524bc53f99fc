//===--- Diff.cpp - What changes in a file --------------------------------===//
//
// Myers' greedy algorithm ("An O(ND) Difference Algorithm and Its
// Variations", 1986). A path from (0, 0) to (N, M) steps right over a removed
// line, down over an added line, and diagonally over a common line for free;
// the furthest point reached with D steps on each diagonal follows from those
// reached with D - 1, and the first D that reaches (N, M) is the shortest
// script. The points of every D are kept, so that the path can be walked back.
//
//===----------------------------------------------------------------------===//

#include "coralc/Support/Diff.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

using namespace llvm;

namespace coralc {
namespace {

/// Lines of \c Before [OldBegin, OldEnd) become lines of \c After
/// [NewBegin, NewEnd).
struct Hunk {
  size_t OldBegin, OldEnd, NewBegin, NewEnd;
};

using Lines = std::vector<StringRef>;

/// Every line with its newline; the last may have none.
Lines splitLines(StringRef Text) {
  Lines Result;
  while (!Text.empty()) {
    size_t Newline = Text.find('\n');
    size_t Size = Newline == StringRef::npos ? Text.size() : Newline + 1;
    Result.push_back(Text.take_front(Size));
    Text = Text.drop_front(Size);
  }
  return Result;
}

/// More steps than this and the memory for the walk back is not worth a
/// shorter script.
constexpr int MaxSteps = 4000;

/// The common lines of \p Old and \p New as pairs of indices, in order.
std::vector<std::pair<size_t, size_t>> commonLines(ArrayRef<StringRef> Old,
                                                   ArrayRef<StringRef> New) {
  const int N = Old.size(), M = New.size();
  const int Limit = std::min(N + M, MaxSteps);
  // Furthest[D][K + D] is the x reached with D steps on diagonal K = x - y.
  std::vector<std::vector<int>> Furthest;
  auto Reached = [&](int D, int K) {
    return K < -D || K > D ? -1 : Furthest[D][K + D];
  };
  // With one step more: down keeps x, right adds one.
  auto ComesDown = [&](int D, int K) {
    return K == -D || (K != D && Reached(D - 1, K - 1) < Reached(D - 1, K + 1));
  };
  auto Start = [&](int D, int K) {
    if (D == 0)
      return 0;
    return ComesDown(D, K) ? Reached(D - 1, K + 1) : Reached(D - 1, K - 1) + 1;
  };

  int Steps = -1;
  for (int D = 0; D <= Limit && Steps < 0; ++D) {
    Furthest.emplace_back(2 * D + 1, -1);
    for (int K = -D; K <= D; K += 2) {
      int X = Start(D, K);
      while (X < N && X - K < M && X >= 0 && X - K >= 0 && Old[X] == New[X - K])
        ++X;
      Furthest[D][K + D] = X;
      if (X >= N && X - K >= M)
        Steps = D;
    }
  }
  std::vector<std::pair<size_t, size_t>> Common;
  if (Steps < 0)
    return Common;
  int K = N - M, X = N;
  for (int D = Steps; D >= 0; --D) {
    for (int From = Start(D, K); X > From; --X)
      Common.emplace_back(X - 1, X - 1 - K);
    if (D == 0)
      break;
    bool Down = ComesDown(D, K);
    K += Down ? 1 : -1;
    X = Down ? X : X - 1;
  }
  std::reverse(Common.begin(), Common.end());
  return Common;
}

std::vector<Hunk> findHunks(ArrayRef<StringRef> Old, ArrayRef<StringRef> New) {
  size_t Prefix = 0, Shorter = std::min(Old.size(), New.size());
  while (Prefix < Shorter && Old[Prefix] == New[Prefix])
    ++Prefix;
  size_t Suffix = 0;
  while (Suffix < Shorter - Prefix &&
         Old[Old.size() - Suffix - 1] == New[New.size() - Suffix - 1])
    ++Suffix;
  std::vector<Hunk> Hunks;
  size_t OldAt = Prefix, NewAt = Prefix;
  auto AddUpTo = [&](size_t OldEnd, size_t NewEnd) {
    if (OldEnd != OldAt || NewEnd != NewAt)
      Hunks.push_back({OldAt, OldEnd, NewAt, NewEnd});
    OldAt = OldEnd + 1;
    NewAt = NewEnd + 1;
  };
  for (auto [X, Y] :
       commonLines(Old.slice(Prefix, Old.size() - Prefix - Suffix),
                   New.slice(Prefix, New.size() - Prefix - Suffix)))
    AddUpTo(Prefix + X, Prefix + Y);
  AddUpTo(Old.size() - Suffix, New.size() - Suffix);
  return Hunks;
}

/// Moves \p Hunks that only add or only remove lines up as far as the lines
/// around allow it. So a change is found at the same lines whatever else has
/// changed in the file.
std::vector<Hunk> moveUp(ArrayRef<Hunk> Hunks, ArrayRef<StringRef> Old,
                         ArrayRef<StringRef> New) {
  std::vector<Hunk> Result;
  for (Hunk H : Hunks) {
    size_t Begin = Result.empty() ? 0 : Result.back().OldEnd;
    bool Adds = H.OldBegin == H.OldEnd, Removes = H.NewBegin == H.NewEnd;
    while (H.OldBegin > Begin &&
           ((Adds && Old[H.OldBegin - 1] == New[H.NewEnd - 1]) ||
            (Removes && New[H.NewBegin - 1] == Old[H.OldEnd - 1])))
      H = {H.OldBegin - 1, H.OldEnd - 1, H.NewBegin - 1, H.NewEnd - 1};
    if (!Result.empty() && H.OldBegin == Begin) {
      Result.back().OldEnd = H.OldEnd;
      Result.back().NewEnd = H.NewEnd;
    } else {
      Result.push_back(H);
    }
  }
  return Result;
}

void printLine(raw_ostream &OS, char Mark, StringRef Line) {
  OS << Mark << Line;
  if (!Line.ends_with("\n"))
    OS << "\n\\ No newline at end of file\n";
}

/// "start,count" as a hunk header has it: an empty range is named by the line
/// before it.
void printRange(raw_ostream &OS, size_t Begin, size_t End) {
  OS << (Begin == End ? Begin : Begin + 1);
  if (End - Begin != 1)
    OS << "," << End - Begin;
}

constexpr size_t Context = 3;

/// Prints hunks whose contexts touch, under one header.
void printGroup(raw_ostream &OS, ArrayRef<Hunk> Group, const Lines &Old,
                const Lines &New) {
  size_t Before = std::min(Group.front().OldBegin, Context);
  size_t After = std::min(Old.size() - Group.back().OldEnd, Context);
  OS << "@@ -";
  printRange(OS, Group.front().OldBegin - Before, Group.back().OldEnd + After);
  OS << " +";
  printRange(OS, Group.front().NewBegin - Before, Group.back().NewEnd + After);
  OS << " @@\n";
  size_t At = Group.front().OldBegin - Before;
  for (const Hunk &H : Group) {
    for (; At < H.OldBegin; ++At)
      printLine(OS, ' ', Old[At]);
    for (; At < H.OldEnd; ++At)
      printLine(OS, '-', Old[At]);
    for (size_t I = H.NewBegin; I < H.NewEnd; ++I)
      printLine(OS, '+', New[I]);
  }
  for (size_t End = At + After; At < End; ++At)
    printLine(OS, ' ', Old[At]);
}

void printName(raw_ostream &OS, StringRef Mark, StringRef Prefix,
               StringRef Path) {
  OS << Mark << " " << Prefix << Path.ltrim('/')
     << (Path.contains(' ') ? "\t" : "") << "\n";
}

} // namespace

void printUnifiedDiff(raw_ostream &OS, const FileChange &Change) {
  Lines Old = splitLines(Change.Before), New = splitLines(Change.After);
  std::vector<Hunk> Hunks = findHunks(Old, New);
  if (Hunks.empty())
    return;
  printName(OS, "---", "a/", Change.Path);
  printName(OS, "+++", "b/", Change.Path);
  ArrayRef<Hunk> Rest = Hunks;
  while (!Rest.empty()) {
    size_t Size = 1;
    while (Size < Rest.size() &&
           Rest[Size].OldBegin - Rest[Size - 1].OldEnd <= 2 * Context)
      ++Size;
    printGroup(OS, Rest.take_front(Size), Old, New);
    Rest = Rest.drop_front(Size);
  }
}

std::vector<TextEdit> lineEdits(const FileChange &Change) {
  Lines Old = splitLines(Change.Before), New = splitLines(Change.After);
  std::vector<TextEdit> Edits;
  size_t Offset = 0, At = 0;
  for (const Hunk &H : moveUp(findHunks(Old, New), Old, New)) {
    for (; At < H.OldBegin; ++At)
      Offset += Old[At].size();
    size_t Length = 0;
    for (; At < H.OldEnd; ++At)
      Length += Old[At].size();
    std::string Text;
    for (size_t I = H.NewBegin; I < H.NewEnd; ++I)
      Text += New[I];
    Edits.push_back(
        {Change.Path, unsigned(Offset), unsigned(Length), std::move(Text)});
    Offset += Length;
  }
  return Edits;
}

} // namespace coralc
