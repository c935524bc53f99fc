//===--- Json.cpp - Results as JSON and SARIF -----------------------------===//

#include "llvm/Support/JSON.h"
#include "coralc/Report/Report.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace coralc {
namespace {

/// JSON is UTF-8; a source file need not be.
std::string text(StringRef Raw) { return json::fixUTF8(Raw); }

StringRef name(Severity Level) {
  return Level == Severity::Error ? "error" : "warning";
}

StringRef name(FixSafety Safety) {
  switch (Safety) {
  case FixSafety::Safe:
    return "safe";
  case FixSafety::Unsafe:
    return "unsafe";
  case FixSafety::Shown:
    return "shown";
  }
  llvm_unreachable("not a safety");
}

void placeAttributes(json::OStream &J, const Place &P) {
  J.attribute("path", text(P.Path));
  J.attribute("line", P.Line);
  J.attribute("column", P.Column);
}

void printFix(json::OStream &J, const Fix &F) {
  J.object([&] {
    J.attribute("safety", name(F.Safety));
    J.attributeArray("edits", [&] {
      for (const TextEdit &E : F.Edits)
        J.object([&] {
          J.attribute("path", text(E.Path));
          J.attribute("offset", E.Offset);
          J.attribute("length", E.Length);
          J.attribute("text", text(E.Text));
        });
    });
  });
}

void printFinding(json::OStream &J, const Finding &F) {
  J.object([&] {
    J.attribute("check", F.Check);
    placeAttributes(J, F.Where);
    J.attribute("severity", name(F.Level));
    J.attribute("message", text(F.Message));
    J.attributeArray("notes", [&] {
      for (const Note &N : F.Notes)
        J.object([&] {
          placeAttributes(J, N.Where);
          J.attribute("message", text(N.Message));
        });
    });
    J.attributeArray("fixes", [&] {
      for (const Fix &X : F.Fixes)
        printFix(J, X);
    });
  });
}

/// A path as a URI reference: relative paths stay relative.
std::string uri(StringRef Path) {
  std::string Encoded = sys::path::is_absolute(Path) ? "file://" : "";
  raw_string_ostream OS(Encoded);
  for (unsigned char C : Path)
    if (isAlnum(C) || StringRef("/-._~").contains(C))
      OS << C;
    else
      OS << "%" << hexdigit(C >> 4) << hexdigit(C & 15);
  return Encoded;
}

/// SARIF of one run. Columns are converted from bytes to code points.
class Sarif {
public:
  Sarif(json::OStream &J, ArrayRef<SarifRule> Rules, SourceFiles &Sources)
      : J(J), Rules(Rules), Sources(Sources) {}

  void rules() {
    for (const SarifRule &R : Rules)
      J.object([&] {
        J.attribute("id", R.Id);
        message("shortDescription", R.Summary);
        if (!R.Page.empty())
          J.attributeObject("help", [&] {
            J.attribute("text", text(R.Page));
            J.attribute("markdown", text(R.Page));
          });
      });
  }

  void result(const Finding &F) {
    J.object([&] {
      J.attribute("ruleId", F.Check);
      auto Rule =
          find_if(Rules, [&](const SarifRule &R) { return R.Id == F.Check; });
      if (Rule != Rules.end())
        J.attribute("ruleIndex", Rule - Rules.begin());
      J.attribute("level", name(F.Level));
      message("message", F.Message);
      J.attributeArray("locations", [&] { location(F.Where, ""); });
      if (!F.Notes.empty())
        J.attributeArray("relatedLocations", [&] {
          for (const Note &N : F.Notes)
            location(N.Where, N.Message);
        });
      if (!F.Fixes.empty())
        J.attributeArray("fixes", [&] {
          for (const Fix &X : F.Fixes)
            fix(X);
        });
    });
  }

private:
  void message(StringRef Key, StringRef Text) {
    J.attributeObject(Key, [&] { J.attribute("text", text(Text)); });
  }

  void artifact(StringRef Path) {
    J.attributeObject("artifactLocation",
                      [&] { J.attribute("uri", uri(Path)); });
  }

  unsigned codePointColumn(const Place &P) {
    unsigned Offset = Sources.offset(P);
    unsigned Start = Sources.offset({P.Path, P.Line, 1});
    StringRef Line = Sources.text(P.Path).slice(Start, Offset);
    // Bytes that continue a code point do not start a column.
    return 1 +
           count_if(Line, [](unsigned char C) { return (C & 0xC0) != 0x80; });
  }

  void location(const Place &P, StringRef Message) {
    J.object([&] {
      J.attributeObject("physicalLocation", [&] {
        artifact(P.Path);
        if (P.Line != 0)
          J.attributeObject("region", [&] {
            J.attribute("startLine", P.Line);
            J.attribute("startColumn", codePointColumn(P));
          });
      });
      if (!Message.empty())
        message("message", Message);
    });
  }

  void fix(const Fix &X) {
    J.object([&] {
      message("description", X.Safety == FixSafety::Safe
                                 ? "safe fix"
                                 : "fix that a person must read");
      J.attributeArray("artifactChanges", [&] {
        for (const TextEdit &E : X.Edits)
          J.object([&] {
            artifact(E.Path);
            J.attributeArray("replacements", [&] { replacement(E); });
          });
      });
    });
  }

  void replacement(const TextEdit &E) {
    J.object([&] {
      J.attributeObject("deletedRegion", [&] {
        Place From = Sources.place(E.Path, E.Offset);
        Place To = Sources.place(E.Path, E.Offset + E.Length);
        J.attribute("startLine", From.Line);
        J.attribute("startColumn", codePointColumn(From));
        J.attribute("endLine", To.Line);
        J.attribute("endColumn", codePointColumn(To));
      });
      message("insertedContent", E.Text);
    });
  }

  json::OStream &J;
  ArrayRef<SarifRule> Rules;
  SourceFiles &Sources;
};

} // namespace

void printJson(raw_ostream &OS, ArrayRef<Finding> Findings) {
  json::OStream J(OS, /*IndentSize=*/2);
  J.object([&] {
    J.attribute("version", 1);
    J.attributeArray("findings", [&] {
      for (const Finding &F : Findings)
        printFinding(J, F);
    });
  });
  OS << "\n";
}

void printSarif(raw_ostream &OS, ArrayRef<Finding> Findings,
                ArrayRef<SarifRule> Rules, StringRef Version, bool Complete,
                SourceFiles &Sources) {
  json::OStream J(OS, /*IndentSize=*/2);
  Sarif Writer(J, Rules, Sources);
  auto Run = [&] {
    J.attributeObject("tool", [&] {
      J.attributeObject("driver", [&] {
        J.attribute("name", "coral");
        J.attribute("version", Version);
        J.attributeArray("rules", [&] { Writer.rules(); });
      });
    });
    J.attributeArray("invocations", [&] {
      J.object([&] { J.attribute("executionSuccessful", Complete); });
    });
    J.attribute("columnKind", "unicodeCodePoints");
    J.attributeArray("results", [&] {
      for (const Finding &F : Findings)
        Writer.result(F);
    });
  };
  J.object([&] {
    J.attribute("$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    J.attribute("version", "2.1.0");
    J.attributeArray("runs", [&] { J.object(Run); });
  });
  OS << "\n";
}

void printRewriteJson(raw_ostream &OS, ArrayRef<RewriteSite> Sites,
                      ArrayRef<RewrittenPath> Files) {
  json::OStream J(OS, /*IndentSize=*/2);
  J.object([&] {
    J.attribute("version", 1);
    J.attributeArray("sites", [&] {
      for (const RewriteSite &S : Sites)
        J.object([&] {
          placeAttributes(J, S.Where);
          J.attribute("pattern", S.Pattern);
          J.attribute("status", S.Status == SiteStatus::Converted ? "converted"
                                                                  : "refused");
          if (S.Status == SiteStatus::Refused) {
            J.attribute("reason", S.Reason);
            J.attribute("message", text(S.Message));
          }
          J.attribute("unit", text(S.Unit));
        });
    });
    J.attributeArray("files", [&] {
      for (const RewrittenPath &F : Files)
        J.object([&] {
          J.attribute("path", text(F.Path));
          J.attribute("changed", F.Changed);
        });
    });
  });
  OS << "\n";
}

} // namespace coralc
