// Splits expressions into tokens and numbers them.
//
//   tokenizer [TEXT...]
//
// Prints the tokens of every TEXT, or of a built-in one.

#include <cctype>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

enum class kind { word, number, punctuation };

struct token {
  kind type;
  std::string_view text;
};

const char *name_of(kind type) {
  switch (type) {
  case kind::word:
    return "word";
  case kind::number:
    return "number";
  case kind::punctuation:
    return "punctuation";
  }
  return "?";
}

// Hands out one token per call and remembers in between where it is.
class tokenizer {
public:
  explicit tokenizer(std::string_view text) : text_(text) {}

  // The next token, or nothing at the end of the text.
  std::optional<token> next() {
    for (;;) {
      switch (state_) {
      case state::between:
        while (position_ < text_.size() && is_space(text_[position_]))
          ++position_;
        if (position_ == text_.size())
          return std::nullopt;
        start_ = position_;
        if (is_letter(text_[position_])) {
          state_ = state::in_word;
        } else if (is_digit(text_[position_])) {
          state_ = state::in_number;
        } else {
          state_ = state::in_punctuation;
        }
        break;

      case state::in_word:
        while (position_ < text_.size() &&
               (is_letter(text_[position_]) || is_digit(text_[position_])))
          ++position_;
        state_ = state::between;
        return token{kind::word, text_.substr(start_, position_ - start_)};

      case state::in_number:
        // A number may contain single dots, as in 3.14.
        while (position_ < text_.size() &&
               (is_digit(text_[position_]) || text_[position_] == '.'))
          ++position_;
        state_ = state::between;
        return token{kind::number, text_.substr(start_, position_ - start_)};

      case state::in_punctuation:
        ++position_;
        state_ = state::between;
        return token{kind::punctuation, text_.substr(start_, 1)};
      }
    }
  }

private:
  enum class state { between, in_word, in_number, in_punctuation };

  static bool is_space(char c) {
    return std::isspace(static_cast<unsigned char>(c));
  }
  static bool is_digit(char c) {
    return std::isdigit(static_cast<unsigned char>(c));
  }
  static bool is_letter(char c) {
    return std::isalpha(static_cast<unsigned char>(c)) || c == '_';
  }

  std::string_view text_;
  state state_ = state::between;
  std::size_t position_ = 0;
  std::size_t start_ = 0;
};

// The numbers from first to last.
class line_numbers {
public:
  line_numbers(int first, int last) : current_(first), last_(last) {}

  std::optional<int> next() {
    if (current_ > last_)
      return std::nullopt;
    return current_++;
  }

private:
  int current_;
  int last_;
};

void print_tokens(std::string_view text) {
  tokenizer tokens(text);
  int count = 0;
  while (auto token = tokens.next()) {
    std::cout << name_of(token->type) << " '" << token->text << "'\n";
    ++count;
  }
  std::cout << count << " tokens\n";
}

int main(int argc, char *argv[]) {
  if (argc < 2) {
    print_tokens("area = 3.14 * radius_2 * (radius_2 + 10);");
    return 0;
  }

  line_numbers numbers(1, argc - 1);
  while (auto number = numbers.next()) {
    std::cout << "line " << *number << ":\n";
    print_tokens(argv[*number]);
  }
}
