//===--- Dialect.cpp - How each target library is spelled -----------------===//

#include "coralc/Rewrites/Engine/Choice.h"
#include "coralc/Rewrites/Engine/Render.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace coralc {
namespace {

/// redirect_error of the Asio in use, or its token as it is.
std::string withError(StringRef Namespace, StringRef Token, StringRef Error) {
  if (Error.empty())
    return Token.str();
  return (Namespace + "::redirect_error(" + Token + ", " + Error + ")").str();
}

/// \p Token, to be completed on \p Executor, if there is one.
std::string bound(StringRef Namespace, StringRef Token, StringRef Executor) {
  if (Executor.empty())
    return Token.str();
  return (Namespace + "::bind_executor(" + Executor + ", " + Token + ")").str();
}

/// The directory and the umbrella header of the Asio in use.
struct AsioHeaders {
  std::string Directory, Umbrella;
  explicit AsioHeaders(StringRef Library)
      : Directory(Library == "asio" ? "asio/" : "boost/asio/"),
        Umbrella(Library == "asio" ? "asio.hpp" : "boost/asio.hpp") {}

  TargetDialect::Include header(StringRef Name) const {
    return {Directory + Name.str(), {Umbrella}};
  }
};

using Completion = Delivery::Completion;

/// Calls the callback of \p Ends, which gets its context back, with
/// \p Values.
std::string callWithContext(const Completion &Ends, StringRef Values) {
  std::string Context = Ends.Context->getNameAsString();
  std::string Arguments = Values.empty() ? Context
                          : Ends.ContextArgument
                              ? Values.str() + ", " + Context
                              : Context + ", " + Values.str();
  return Ends.Callback->getNameAsString() + "(" + Arguments + ")";
}

/// One of several values, or the only one, where that is handed on.
std::string handedOver(const Completion &Ends, StringRef Name) {
  bool IsScalar = all_of(
      Ends.Types, [](clang::QualType Type) { return Type->isScalarType(); });
  return IsScalar ? Name.str() : ("std::move(" + Name + ")").str();
}

/// The parameters of a lambda that is called with what \p Ends says, and the
/// call of the callback in it.
std::pair<std::string, std::string> calledWithContext(const Completion &Ends) {
  if (Ends.Types.empty())
    return {"", callWithContext(Ends, "")};
  if (Ends.Types.size() == 1)
    return {Ends.TypeTexts.front() + " result",
            callWithContext(Ends, handedOver(Ends, "result"))};
  return {"auto... values",
          callWithContext(Ends, handedOver(Ends, "values") + "...")};
}

/// The names that a lambda captures to call the callback of \p Ends.
std::string callbackCaptures(const Completion &Ends) {
  return Ends.Callback->getNameAsString() + ", " +
         Ends.Context->getNameAsString();
}

/// Calls the callback of \p Ends with \p Value: the only value, or a tuple of
/// several.
std::string called(const Completion &Ends, StringRef Value) {
  std::string Name = Ends.Callback->getNameAsString();
  std::string Callback =
      Ends.IsChangedByCall ? "std::move(" + Name + ")" : Name;
  if (Ends.Types.empty())
    return Callback + "()";
  return Ends.Types.size() == 1
             ? (Callback + "(" + Value + ")").str()
             : ("std::apply(" + Callback + ", " + Value + ")").str();
}

/// What says in which of several ways a coroutine ended.
void addVariant(TargetDialect::Uses Uses,
                std::vector<TargetDialect::Include> &To) {
  if (Uses.Choices)
    To.push_back({"variant", {}});
}

class CoralDialect final : public TargetDialect {
public:
  CoralDialect(StringRef Library, StringRef Namespace)
      : Library(Library), Namespace(Namespace) {}

  std::string taskType(StringRef Result) const override {
    return ("coral::task<" + Result + ">").str();
  }
  std::string generatorType(StringRef Value) const override {
    return ("coral::generator<" + Value + ">").str();
  }
  using TargetDialect::token;
  std::string token(StringRef Error, StringRef Executor) const override {
    return withError(Namespace, bound(Namespace, "coral::use_task", Executor),
                     Error);
  }
  bool returnsBraces() const override { return true; }
  std::string requestFunction() const override { return "coral::uv::call"; }
  std::string requestResult() const override { return "returning"; }
  std::string callbackFunction() const override { return "coral::callback"; }
  std::string eventsStart() const override { return "coral::uv::start"; }
  std::string eventsType(StringRef Type) const override {
    return ("coral::uv::events<" + Type + ">").str();
  }
  std::string startFunction() const override { return "coral::spawn"; }
  std::string spawn(StringRef Task, StringRef, StringRef) const override {
    return ("coral::spawn(" + Task + ")").str();
  }
  std::string deliver(StringRef Task, StringRef,
                      const Delivery &Delivers) const override {
    const Completion &First = Delivers.Ways.front();
    if (First.Context) {
      auto [Parameters, Call] = calledWithContext(First);
      return ("coral::spawn(" + Task + ", [" + callbackCaptures(First) + "]" +
              (Parameters.empty() ? "" : "(" + Parameters + ")") + " { " +
              Call + "; })")
          .str();
    }
    std::string Callbacks;
    for (const Completion &Ends : Delivers.Ways)
      Callbacks += ", " + Ends.HandedOver;
    return ("coral::spawn(" + Task + Callbacks + ")").str();
  }
  std::string several(ArrayRef<std::string>, StringRef Values) const override {
    return ("{" + Values + "}").str();
  }
  bool needsExecutor() const override { return false; }
  std::vector<Include> includes(Uses Uses) const override {
    std::vector<Include> Result;
    if (Uses.Generators)
      Result.push_back({"coral/generator.hpp", {}});
    if (Uses.ExecutorsBound)
      Result.push_back(AsioHeaders(Library).header("bind_executor.hpp"));
    if (Uses.ErrorsRedirected)
      Result.push_back(AsioHeaders(Library).header("redirect_error.hpp"));
    if (Uses.Requests)
      Result.push_back({"coral/interop/uv.hpp", {}});
    if (Uses.Events)
      Result.push_back({"coral/interop/uv_events.hpp", {}});
    if (Uses.Callbacks)
      Result.push_back({"coral/callback.hpp", {}});
    if (Uses.Requests || Uses.Callbacks)
      Result.push_back({"coral/spawn.hpp", {}});
    if (Uses.Tasks &&
        (Uses.Tokens || !(Uses.Requests || Uses.Events || Uses.Callbacks)))
      Result.push_back({"coral/interop/asio.hpp", {}});
    addVariant(Uses, Result);
    return Result;
  }
  std::vector<Include> declarationIncludes(Uses Uses) const override {
    std::vector<Include> Result;
    if (Uses.Generators)
      Result.push_back({"coral/generator.hpp", {}});
    if (Uses.Tasks)
      Result.push_back({"coral/task.hpp",
                        {"coral/interop/asio.hpp", "coral/interop/uv.hpp"}});
    addVariant(Uses, Result);
    return Result;
  }

private:
  std::string Library, Namespace;
};

class AsioDialect final : public TargetDialect {
public:
  AsioDialect(StringRef Library, StringRef Namespace)
      : Library(Library), Namespace(Namespace) {}

  std::string taskType(StringRef Result) const override {
    return Namespace + "::awaitable<" + Result.str() + ">";
  }
  std::string generatorType(StringRef) const override { return ""; }
  using TargetDialect::token;
  std::string token(StringRef Error, StringRef Executor) const override {
    return withError(Namespace,
                     bound(Namespace, Namespace + "::use_awaitable", Executor),
                     Error);
  }
  std::string startFunction() const override {
    return Namespace + "::co_spawn";
  }
  std::string spawn(StringRef Task, StringRef Executor,
                    StringRef Rethrow) const override {
    return (Namespace + "::co_spawn(" + Executor + ", " + Task + ", " +
            Rethrow + ")")
        .str();
  }
  std::string deliver(StringRef Task, StringRef Executor,
                      const Delivery &Delivers) const override {
    const Completion &First = Delivers.Ways.front();
    std::string Parameters = "std::exception_ptr error";
    if (Delivers.hasChoice() || !First.Types.empty())
      Parameters += ", " + deliveredType(Delivers) + " result";
    std::string Captures, Call;
    bool IsChanged = false;
    for (const auto &[I, Ends] : enumerate(Delivers.Ways)) {
      std::string Name = Ends.Callback->getNameAsString();
      Captures += (I ? ", " : "") + Name + " = " + Ends.HandedOver;
      IsChanged |= Ends.IsChangedByCall;
      std::string Value =
          Delivers.hasChoice()
              ? "std::get<" + std::to_string(I) + ">(std::move(result))"
              : "std::move(result)";
      bool IsLast = I + 1 == Delivers.Ways.size();
      Call +=
          (I ? " else " : "") +
          (IsLast ? "" : "if (result.index() == " + std::to_string(I) + ") ") +
          called(Ends, Value) + ";";
    }
    if (First.Context) {
      auto [Values, Given] = calledWithContext(First);
      Captures = callbackCaptures(First);
      Call = (First.Types.size() > 1 ? "std::apply([&](" + Values + ") { " +
                                           Given + "; }, std::move(result))"
                                     : Given) +
             ";";
    }
    return (Namespace + "::co_spawn(" + Executor + ", " + Task + ", [" +
            Captures + "](" + Parameters + ")" + (IsChanged ? " mutable" : "") +
            " { if (error) std::rethrow_exception(error); " + Call + " })")
        .str();
  }
  /// Asio's promise takes any type, so that braces would have none.
  bool returnsBraces() const override { return false; }
  std::string requestFunction() const override { return ""; }
  std::string requestResult() const override { return ""; }
  std::string callbackFunction() const override { return ""; }
  std::string eventsStart() const override { return ""; }
  std::string eventsType(StringRef) const override { return ""; }
  std::string several(ArrayRef<std::string> Types,
                      StringRef Values) const override {
    return tupleType(Types) + "(" + Values.str() + ")";
  }
  bool needsExecutor() const override { return true; }
  bool isOfBoost() const override { return Library != "asio"; }
  std::vector<Include> includes(Uses Uses) const override {
    std::vector<Include> Result;
    if (!Uses.Tasks)
      return Result;
    AsioHeaders Headers(Library);
    Result.push_back(Headers.header("awaitable.hpp"));
    Result.push_back(Headers.header("co_spawn.hpp"));
    if (Uses.ExecutorsBound)
      Result.push_back(Headers.header("bind_executor.hpp"));
    if (Uses.ErrorsRedirected)
      Result.push_back(Headers.header("redirect_error.hpp"));
    Result.push_back(Headers.header("use_awaitable.hpp"));
    Result.push_back({"exception", {}});
    addVariant(Uses, Result);
    return Result;
  }
  std::vector<Include> declarationIncludes(Uses Uses) const override {
    if (!Uses.Tasks)
      return {};
    std::vector<Include> Result{AsioHeaders(Library).header("awaitable.hpp")};
    addVariant(Uses, Result);
    return Result;
  }

private:
  std::string Library, Namespace;
};

} // namespace

std::string tupleType(ArrayRef<std::string> Types) {
  if (Types.empty())
    return "void";
  if (Types.size() == 1)
    return Types.front();
  return "std::tuple<" + join(Types, ", ") + ">";
}

std::unique_ptr<TargetDialect>
makeDialect(RewriteTarget Target, StringRef Library, StringRef Namespace) {
  if (Target == RewriteTarget::Asio)
    return std::make_unique<AsioDialect>(Library, Namespace);
  return std::make_unique<CoralDialect>(Library, Namespace);
}

} // namespace coralc
