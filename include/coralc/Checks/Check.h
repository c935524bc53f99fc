//===--- Check.h - What a check sees and what it says -----------*- C++ -*-===//
//
// A check is one function in one .cpp file under lib/Checks. It is handed a
// parsed translation unit, looks for one defect, and says what it found as
// plain data. It prints nothing, knows no host (coral, clang-tidy, clangd) and
// edits nothing:
//
//   static void check(TranslationUnit &Unit) {
//     for (const clang::FunctionDecl *Function : Unit.functions())
//       ...
//         Unit.report(Loc, "what, why; what to do").note(Where, "...");
//   }
//   static const RegisterCheck Register("coral-some-defect", 0,
//                                       "one line about the defect", check);
//
// The translation unit may be broken: declarations may be invalid, statements
// may hold RecoveryExprs, parts of a CoroutineBodyStmt may be null. A check
// stays silent about what it cannot understand.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_CHECKS_CHECK_H
#define CORALC_CHECKS_CHECK_H

#include "coralc/Analysis/Loans.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Support/Finding.h"
#include "clang/Basic/Diagnostic.h"
#include "clang/Basic/SourceLocation.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace clang {
class ASTContext;
class FunctionDecl;
} // namespace clang

namespace coralc {

/// One defect, with locations that live as long as the translation unit.
///
/// Messages are one line in lower case without a final period: what, why,
/// what to do; names stand in single quotes.
struct Diagnosis {
  struct Note {
    clang::SourceLocation Where;
    std::string Message;
  };
  struct Fix {
    FixSafety Safety = FixSafety::Safe;
    /// What the fix does, for the places where it is offered by name.
    std::string Title;
    llvm::SmallVector<clang::FixItHint, 2> Edits;
  };

  llvm::StringRef Check;
  clang::SourceLocation Where;
  std::string Message;
  llvm::SmallVector<Note, 2> Notes;
  llvm::SmallVector<Fix, 1> Fixes;
  /// The level from which it is told, where that is above that of its check.
  unsigned Level = 0;

  Diagnosis &note(clang::SourceLocation At, std::string Text) {
    Notes.push_back({At, std::move(Text)});
    return *this;
  }
  Diagnosis &fromLevel(unsigned Least) {
    Level = Least;
    return *this;
  }
  Diagnosis &fix(FixSafety Safety, std::string Title,
                 llvm::ArrayRef<clang::FixItHint> Edits) {
    Fixes.push_back({Safety, std::move(Title), {Edits.begin(), Edits.end()}});
    return *this;
  }
};

/// The view of one parsed translation unit that all checks share. What is
/// computed for one check is there for the next.
class TranslationUnit {
public:
  /// \p Vocabularies must outlive this object.
  explicit TranslationUnit(
      clang::ASTContext &Context,
      const VocabularySet &Vocabularies = builtinVocabularies())
      : Context(Context), Types(Context, Vocabularies) {}

  clang::ASTContext &context() const { return Context; }

  /// What types mean to coroutines, in whatever library they are.
  CoroutineTypes &types() { return Types; }

  /// Every function with a body that is not in a system header: free
  /// functions, methods, call operators of lambdas; templates before their
  /// instantiations.
  llvm::ArrayRef<const clang::FunctionDecl *> functions();

  /// What tasks borrow, function by function.
  Borrowing &borrowing() { return Borrows; }

  /// The tasks of all functions() that may outlive what they borrow.
  llvm::ArrayRef<Loan> loans();

  /// Source ranges that the preprocessor skipped, when the host recorded them.
  std::vector<clang::SourceRange> SkippedRanges;

  /// Says that there is a defect at \p Where. A second report of the running
  /// check at the same place, which another instantiation of the same template
  /// would make, changes nothing.
  Diagnosis &report(clang::SourceLocation Where, std::string Message);

private:
  friend std::vector<Diagnosis>
  runChecks(TranslationUnit &, llvm::function_ref<bool(llvm::StringRef)>);

  clang::ASTContext &Context;
  CoroutineTypes Types;
  Borrowing Borrows{Types};
  std::optional<std::vector<const clang::FunctionDecl *>> Functions;
  std::optional<std::vector<Loan>> Loans;
  llvm::StringRef RunningCheck;
  std::deque<Diagnosis> Reports;
  /// Takes what is said about a place that was reported before.
  Diagnosis Repeated;
};

/// The level of a check that runs only when it is named in full.
constexpr unsigned LevelOff = 3;

/// A check as it is known before it runs.
struct RegisteredCheck {
  llvm::StringRef Id;
  /// 0 is on by default, 1 and 2 ask for more, LevelOff runs by name only.
  unsigned Level;
  /// The defect in one line, as on the first line of its page.
  llvm::StringRef Summary;
  void (*Run)(TranslationUnit &);
};

/// A static object of this type in a check's file puts the check on the list.
class RegisterCheck {
public:
  RegisterCheck(llvm::StringRef Id, unsigned Level, llvm::StringRef Summary,
                void (*Run)(TranslationUnit &));
};

/// Every check in this program, sorted by id.
llvm::ArrayRef<RegisteredCheck> registeredChecks();

/// The global option of .clang-tidy files that sets the level.
constexpr llvm::StringLiteral LevelOption = "CoralLevel";

/// Does the comma-separated selection \p Globs ask for \p Check? The last item
/// that matches decides; a leading '-' takes away. An item that names the check
/// in full asks for it, one with wildcards only for checks up to \p Level.
bool isSelected(const RegisteredCheck &Check, llvm::StringRef Globs,
                unsigned Level);

/// The level up to which \p Check tells what it finds: \p Level, or all if
/// \p Globs names it in full.
unsigned levelFor(const RegisteredCheck &Check, llvm::StringRef Globs,
                  unsigned Level);

/// Runs the checks whose id \p Enabled accepts, in the order of their ids.
/// The reports of one check are in source order. A check may ask others.
std::vector<Diagnosis>
runChecks(TranslationUnit &Unit,
          llvm::function_ref<bool(llvm::StringRef Id)> Enabled);

} // namespace coralc

#endif
