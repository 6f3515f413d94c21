// Has a printer print, from C++: a handle that closes itself, errors as exceptions.
//
//   c++ -std=c++17 desk.cpp $(pkg-config --cflags --libs ripc) -o desk && ./desk /tmp/job.pdf 3
#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

#include <ripc.h>

namespace {

class Error : public std::runtime_error {
public:
  Error(int code, const char *what) : std::runtime_error(what), code(code) {}
  const int code;
};

class Component {
public:
  Component(const char *component, const char *thread)
  {
    ripc *handle = nullptr;
    check(ripc_open(component, thread, nullptr, &handle));
    handle_.reset(handle);
  }

  // The answer is a copy, and stays.
  std::string call(const std::string &recipient, const std::string &json, int64_t timeout_ms)
  {
    ripc_text answer;
    check(ripc_call(handle_.get(), recipient.c_str(), json.data(), json.size(), timeout_ms, &answer));
    return {answer.data, answer.length};
  }

  std::string member(const std::string &json, const char *name)
  {
    ripc_text value;
    check(ripc_json_member(handle_.get(), json.data(), json.size(), name, &value));
    return value.data ? std::string(value.data, value.length) : std::string();
  }

private:
  struct Close {
    void operator()(ripc *handle) const { ripc_close(handle); }
  };

  void check(int code) const
  {
    if (code != RIPC_OK)
      throw Error(code, ripc_last_error(handle_.get()));
  }

  std::unique_ptr<ripc, Close> handle_;
};

// A file's name as JSON writes it.
std::string quoted(const std::string &text)
{
  std::string json = "\"";
  for (unsigned char c : text) {
    if (c == '"' || c == '\\')
      json += '\\';
    if (c >= 0x20)
      json += static_cast<char>(c);
  }
  return json + "\"";
}

} // namespace

int main(int argc, char **argv)
try {
  const std::string file = argc > 1 ? argv[1] : "/tmp/job.pdf";
  const int copies = argc > 2 ? std::atoi(argv[2]) : 1;
  Component desk("desk", "main");
  const std::string job = "{\"file\":" + quoted(file) + ",\"copies\":" + std::to_string(copies) + "}";
  const std::string answer = desk.call("printer.print", job, 30000);
  std::cout << desk.member(answer, "pages") << " pages\n";
  return EXIT_SUCCESS;
} catch (const Error &error) {
  std::cerr << "desk: " << error.what() << '\n';
  return error.code == RIPC_ERR_NOT_TAKEN ? 2 : EXIT_FAILURE;
}
