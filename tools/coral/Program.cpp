//===--- Program.cpp - The units of a program, rewritten together ---------===//

#include "Program.h"
#include "coralc/Exec/CompileCommands.h"
#include "coralc/Report/Fixes.h"
#include "coralc/Rewrites/Engine/JoinedUnit.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <map>

using namespace llvm;

namespace coralc {

template <typename Wire> static void fields(Wire &W, RewrittenFile &F) {
  W(F.Path, F.Before, F.After);
}
template <typename Wire> static void fields(Wire &W, Meaning &M) {
  W(M.Usr, M.Name, M.Digest);
}
template <typename Wire> static void fields(Wire &W, UnitLinks &L) {
  W(L.Shares, L.Wants, L.Offers, L.Meanings);
}
template <typename Wire> static void fields(Wire &W, RewriteResult &R) {
  W(R.Sites, R.Files, R.Errors, R.Links, R.NotJoined);
}
template <typename Wire> static void fields(Wire &W, UnitCheck &C) {
  W(C.Before, C.After);
}

namespace {

std::string fileOf(const CompileCommand &Unit) {
  return absolutePath(Unit.File, Unit.Directory);
}

const CompileCommand &itself(const CompileCommand &Unit) { return Unit; }

class ProgramRewriter {
public:
  ProgramRewriter(TranslationUnits &Units, ArrayRef<CompileCommand> Database,
                  const RewriteOptions &Options)
      : Units(Units), Database(Database), Options(Options) {}

  std::vector<GroupResult> run() {
    rewriteAlone(Units.commands());
    size_t Named = Alone.size();
    addSiblings();
    rewriteGroups(Named);
    do
      while (withdrawUnverified())
        ;
    while (Options.Propagate && propagate());
    return std::move(Results);
  }

private:
  struct UnitResult {
    CompileCommand Unit;
    RewriteResult Result;
  };

  void rewriteAlone(ArrayRef<CompileCommand> Commands) {
    auto Rewritten = Units.runEach<RewriteResult, CompileCommand>(
        Commands,
        [&](const CompileCommand &C) {
          return rewriteTranslationUnit(C, Options);
        },
        itself);
    for (auto [Command, Result] : zip(Commands, Rewritten)) {
      Looked.insert(fileOf(Command));
      if (Result)
        Alone.push_back({Command, std::move(*Result)});
    }
  }

  //--- Units that are read as one ----------------------------------------//

  StringSet<> wanted() const {
    StringSet<> Wanted;
    for (const UnitResult &U : Alone)
      for (const std::string &Class : U.Result.Links.Wants)
        Wanted.insert(Class);
    return Wanted;
  }

  /// Looks in the database for the units that define the other members of what
  /// is wanted.
  void addSiblings() {
    for (;;) {
      SmallVector<std::string> Names;
      for (const auto &Class : wanted())
        Names.push_back(nameOf(Class.getKey()).str() + "::");
      std::vector<CompileCommand> Candidates;
      for (const CompileCommand &C : Database) {
        auto Buffer = MemoryBuffer::getFile(fileOf(C));
        if (Buffer && !Looked.contains(fileOf(C)) &&
            any_of(Names, [&](StringRef Name) {
              return (*Buffer)->getBuffer().contains(Name);
            })) {
          Looked.insert(fileOf(C));
          Candidates.push_back(C);
        }
      }
      if (Candidates.empty())
        return;
      rewriteAlone(Candidates);
    }
  }

  void rewriteGroups(size_t Named) {
    StringSet<> Wanted = wanted();
    EquivalenceClasses<size_t> Together;
    StringMap<size_t> FirstOf;
    for (size_t I = 0; I != Alone.size(); ++I) {
      Together.insert(I);
      if (Alone[I].Result.Errors.empty())
        for (const std::string &Class : Alone[I].Result.Links.Shares)
          if (Wanted.contains(Class))
            Together.unionSets(I, FirstOf.try_emplace(Class, I).first->second);
    }
    std::map<size_t, std::vector<size_t>> Members;
    for (size_t I = 0; I != Alone.size(); ++I)
      Members[Together.getLeaderValue(I)].push_back(I);

    using Group = std::vector<KnownUnit>;
    std::vector<Group> Groups;
    std::vector<std::vector<size_t>> Indices;
    for (auto &[Leader, Group] : Members) {
      // What was only looked at for others is none of the run.
      if (Group.front() >= Named)
        continue;
      if (Group.size() == 1) {
        UnitResult &Only = Alone[Group.front()];
        std::vector<std::string> Notes;
        for (const std::string &Class : Only.Result.Links.Wants)
          Notes.push_back("'" + nameOf(Class).str() + "' has members that '" +
                          sys::path::filename(Only.Unit.File).str() +
                          "' does not define; name the files that do too, or a "
                          "build directory with -p, so that what runs over "
                          "several files becomes one coroutine");
        Results.push_back(
            {{Only.Unit}, std::move(Only.Result), {}, std::move(Notes)});
        continue;
      }
      Groups.emplace_back();
      for (size_t I : Group)
        Groups.back().push_back(
            {Alone[I].Unit, Alone[I].Result.Links.Meanings});
      Indices.push_back(Group);
    }
    auto Joined = Units.runEach<RewriteResult, Group>(
        Groups, [&](const Group &G) { return rewriteJoined(G, Options); },
        [](const Group &G) -> const CompileCommand & {
          return G.front().Command;
        });
    for (auto [Group, Indices, Result] : zip(Groups, Indices, Joined)) {
      if (Result && Result->NotJoined.empty()) {
        GroupResult Whole{{}, std::move(*Result), {}, {}};
        for (const KnownUnit &Known : Group)
          Whole.Units.push_back(Known.Command);
        Results.push_back(std::move(Whole));
        continue;
      }
      std::vector<std::string> Notes;
      if (Result)
        Notes.push_back(explain(Result->NotJoined, Indices));
      for (size_t I : Indices)
        if (I < Named)
          Results.push_back({{Alone[I].Unit},
                             std::move(Alone[I].Result),
                             {},
                             std::exchange(Notes, {})});
    }
  }

  /// Says why the files of a class were not read as one.
  std::string explain(StringRef NotJoined, ArrayRef<size_t> Indices) const {
    std::vector<std::string> Names;
    for (size_t I : Indices)
      Names.push_back("'" + sys::path::filename(Alone[I].Unit.File).str() +
                      "'");
    return join(Names, ", ") +
           " share a class but cannot be read as one: " + NotJoined.str() +
           "; each is rewritten on its own";
  }

  /// The name that ends \p Usr.
  static StringRef nameOf(StringRef Usr) { return Usr.rsplit('@').second; }

  //--- Callers of what became a coroutine --------------------------------//

  /// A group that is rewritten anew.
  struct Again {
    size_t Index = 0;
    std::vector<CompileCommand> Units;
    RewriteOptions Options;
  };

  /// Rewrites anew what calls a function that has got a coroutine beside it in
  /// another group. \return whether there was any.
  bool propagate() {
    std::vector<Again> Jobs;
    for (size_t I = 0; I != Results.size(); ++I) {
      std::vector<RewrittenFile> Given = givenTo(Results[I]);
      if (Given.empty() || !isNews(Given, Results[I].Given))
        continue;
      Jobs.push_back({I, Results[I].Units, Options});
      Jobs.back().Options.Changed = std::move(Given);
    }
    auto Rewritten = Units.runEach<RewriteResult, Again>(
        Jobs, rewriteAgain, [](const Again &Job) -> const CompileCommand & {
          return Job.Units.front();
        });
    for (auto [Job, Result] : zip(Jobs, Rewritten)) {
      GroupResult &G = Results[Job.Index];
      G.Given = std::move(Job.Options.Changed);
      if (!Result || !Result->Errors.empty() || !Result->NotJoined.empty())
        continue;
      // Of what others change they have said what becomes of it.
      erase_if(Result->Sites, [&](const RewriteSite &Site) {
        return find(G.Given,
                    absolutePath(Site.Where.Path, G.Units.front().Directory)) !=
               nullptr;
      });
      G.Result = std::move(*Result);
    }
    // What begins with a change of another's comes behind it.
    std::vector<bool> IsNew(Results.size());
    for (const Again &Job : Jobs)
      IsNew[Job.Index] = true;
    std::vector<GroupResult> InOrder;
    for (bool New : {false, true})
      for (auto [G, Is] : zip(Results, IsNew))
        if (Is == New)
          InOrder.push_back(std::move(G));
    Results = std::move(InOrder);
    return !Jobs.empty();
  }

  static RewriteResult rewriteAgain(const Again &Job) {
    RewriteResult Result;
    std::vector<KnownUnit> Known;
    for (const CompileCommand &Unit : Job.Units) {
      Result = rewriteTranslationUnit(Unit, Job.Options);
      Known.push_back({Unit, std::move(Result.Links.Meanings)});
    }
    return Known.size() == 1 ? std::move(Result)
                             : rewriteJoined(Known, Job.Options);
  }

  static const RewrittenFile *find(ArrayRef<RewrittenFile> Files,
                                   StringRef Path) {
    const auto *F = find_if(
        Files, [&](const RewrittenFile &Each) { return Each.Path == Path; });
    return F == Files.end() ? nullptr : F;
  }

  static bool isNews(ArrayRef<RewrittenFile> Given,
                     ArrayRef<RewrittenFile> Known) {
    return any_of(Given, [&](const RewrittenFile &F) {
      const RewrittenFile *Before = find(Known, F.Path);
      return !Before || Before->After != F.After;
    });
  }

  /// What other groups make of the headers that \p G includes, if it names
  /// what got a coroutine there.
  std::vector<RewrittenFile> givenTo(const GroupResult &G) const {
    StringSet<> Offers;
    std::map<std::string, RewrittenFile> Changes;
    for (const GroupResult &Other : Results) {
      if (&Other == &G)
        continue;
      Offers.insert_range(Other.Result.Links.Offers);
      addChanges(Other, Changes);
    }
    std::vector<RewrittenFile> Given;
    bool IsNamed = false;
    for (const CompileCommand &Unit : G.Units)
      for (const std::string &Path : includedFiles(Unit)) {
        if (Path == fileOf(Unit))
          IsNamed |= namesAny(Path, Offers);
        else if (auto Change = Changes.find(Path);
                 Change != Changes.end() && !find(Given, Path))
          Given.push_back(Change->second);
        else
          IsNamed |= namesAny(Path, Offers);
      }
    if (!IsNamed)
      Given.clear();
    return Given;
  }

  static bool namesAny(StringRef Path, const StringSet<> &Names) {
    auto Buffer = MemoryBuffer::getFile(Path);
    return Buffer && any_of(Names.keys(), [&](StringRef Name) {
             return (*Buffer)->getBuffer().contains(Name);
           });
  }

  //--- Whatever includes what changes ------------------------------------//

  /// Adds what \p G changes to \p All, which has each file once; or returns
  /// the file that it changes in another way than one before.
  static std::string addChanges(const GroupResult &G,
                                std::map<std::string, RewrittenFile> &All) {
    std::vector<RewrittenFile> Wanted;
    for (const RewrittenFile &F : G.Result.Files) {
      std::string Path = absolutePath(F.Path, G.Units.front().Directory);
      RewrittenFile Change{Path, F.Before, F.After};
      if (auto There = All.find(Path); There != All.end()) {
        FileChange Known{Path, There->second.Before, There->second.After};
        std::optional<FileChange> Both =
            Known.After == F.After
                ? Known
                : mergeChanges(Known, {Path, F.Before, F.After});
        if (!Both)
          return Path;
        Change = {Path, Known.Before, Both->After};
      } else if (find(G.Given, Path)) {
        return Path;
      }
      Wanted.push_back(std::move(Change));
    }
    for (RewrittenFile &Change : Wanted)
      All.insert_or_assign(Change.Path, Change);
    return "";
  }

  /// All changes, each file once. Who wants to change a file in another way
  /// than one before is withdrawn.
  std::map<std::string, RewrittenFile> mergedChanges() {
    std::map<std::string, RewrittenFile> All;
    for (size_t I = 0; I != Results.size(); ++I) {
      std::string Contested = addChanges(Results[I], All);
      if (Contested.empty())
        continue;
      std::string Problem = "'" + sys::path::filename(Contested).str() +
                            "' is rewritten in another way for another file";
      withdraw(Results[I], Contested, Problem);
      bool Begins = false;
      for (GroupResult &G : Results)
        if (find(G.Given, Contested))
          Begins |= withdraw(G, Contested, Problem);
      if (Begins)
        return mergedChanges();
    }
    return All;
  }

  /// \p Unit was compiled with all of \p Changes that it sees.
  bool isVerified(const CompileCommand &Unit,
                  const std::map<std::string, RewrittenFile> &Changes,
                  ArrayRef<std::string> Sees) const {
    for (const GroupResult &G : Results)
      for (const CompileCommand &Known : G.Units)
        if (Known.Arguments == Unit.Arguments && fileOf(Known) == fileOf(Unit))
          return all_of(Sees, [&](const std::string &Path) {
            auto Change = Changes.find(Path);
            return Change == Changes.end() ||
                   any_of(G.Result.Files, [&](const RewrittenFile &F) {
                     return absolutePath(F.Path, Known.Directory) == Path &&
                            F.After == Change->second.After;
                   });
          });
    return false;
  }

  /// Compiles every unit that sees a change. Where one does not compile any
  /// more, all that changes what it sees is withdrawn. \return whether
  /// anything was.
  bool withdrawUnverified() {
    std::map<std::string, RewrittenFile> Changes = mergedChanges();
    if (Changes.empty())
      return false;
    std::vector<RewrittenFile> Files;
    for (const auto &[Path, Change] : Changes)
      Files.push_back(Change);
    std::vector<CompileCommand> All(Units.commands());
    for (const CompileCommand &C : Database)
      if (none_of(All, [&](const CompileCommand &Known) {
            return fileOf(Known) == fileOf(C) && Known.Arguments == C.Arguments;
          }))
        All.push_back(C);
    std::vector<CompileCommand> Dependents;
    std::vector<std::vector<std::string>> Seen;
    for (const CompileCommand &C : All) {
      std::vector<std::string> Sees = includedFiles(C);
      erase_if(Sees,
               [&](const std::string &Path) { return !Changes.count(Path); });
      if (Sees.empty() || isVerified(C, Changes, Sees))
        continue;
      Dependents.push_back(C);
      Seen.push_back(std::move(Sees));
    }
    auto Checked = Units.runEach<UnitCheck, CompileCommand>(
        Dependents,
        [&](const CompileCommand &C) { return checkUnit(C, Files); }, itself);
    bool Withdrawn = false;
    for (auto [Unit, Sees, Check] : zip(Dependents, Seen, Checked)) {
      if (!Check || Check->After.empty())
        continue;
      // What did not compile before either and is none of the run says
      // nothing.
      bool IsOfRun =
          is_contained(map_range(Units.commands(), fileOf), fileOf(Unit));
      if (!Check->Before.empty() && !IsOfRun)
        continue;
      const Finding &First = Check->After.front();
      std::string Problem =
          "'" + sys::path::filename(Unit.File).str() + "', which includes '" +
          sys::path::filename(Sees.back()).str() + "', " +
          (Check->Before.empty() ? "would not compile" : "does not compile") +
          ": " + First.Message;
      for (GroupResult &G : Results)
        Withdrawn |= withdraw(G, Sees, Problem);
    }
    return Withdrawn;
  }

  static bool withdraw(GroupResult &G, ArrayRef<std::string> Seen,
                       StringRef Problem) {
    auto IsSeen = [&](const RewrittenFile &F) {
      return is_contained(Seen,
                          absolutePath(F.Path, G.Units.front().Directory));
    };
    bool Waits = any_of(G.Given, IsSeen) && !G.Result.Files.empty();
    if (!Waits && none_of(G.Result.Files, IsSeen))
      return false;
    G.Result.Files.clear();
    G.Result.Links.Offers.clear();
    for (RewriteSite &Site : G.Result.Sites)
      if (Site.Status == SiteStatus::Converted) {
        Site.Status = SiteStatus::Refused;
        Site.Reason = "output-does-not-verify";
        Site.Message = "the coroutine for '" + Site.Unit +
                       "' was withdrawn: " + Problem.str();
      }
    return true;
  }

  TranslationUnits &Units;
  ArrayRef<CompileCommand> Database;
  const RewriteOptions &Options;
  /// The files that were looked at.
  StringSet<> Looked;
  /// Each unit on its own; those of the run first.
  std::vector<UnitResult> Alone;
  std::vector<GroupResult> Results;
};

} // namespace

std::vector<GroupResult> rewriteProgram(TranslationUnits &Units,
                                        ArrayRef<CompileCommand> Database,
                                        const RewriteOptions &Options) {
  return ProgramRewriter(Units, Database, Options).run();
}

} // namespace coralc
