// yaml.cc - any bytes as a script's text: what we write of it, libyaml reads back byte for byte.
#include "sidefridge/kubernetes/yaml.h"

#include <string>

#include "../kubernetes/yaml_reader.h"
#include "fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sidefridge;
  const std::string text(fuzz::text_of(data, size));
  if (!kubernetes::is_yaml_text(text)) return 0;

  using kubernetes::Yaml;
  // Text where scripts stand, as a name, and behind another.
  const Yaml value =
      Yaml::map({{"data", Yaml::map({{"a", Yaml::block(text)}, {"b", Yaml::block(text)}, {"c", text}})}});
  const auto documents = kubernetes::YamlReader::read(value.format());
  fuzz::promise(documents && documents->size() == 1, "what is written is one document");
  const kubernetes::YamlValue& read = documents->front()["data"];
  fuzz::promise(read.fields.size() == 3, "no text swallows what follows it");
  for (const auto& field : read.fields) fuzz::promise(field.second.scalar == text, "no byte is lost, added or changed");
  return 0;
}
