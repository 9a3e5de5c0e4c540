// job.cc - the tables of stages.
#include "sidefridge/core/job.h"

#include <array>

namespace sidefridge::core {
namespace {

constexpr std::array backup_stages{
    Stage{Hook::before_backups, StageRole::chain},
    Stage{Hook::backups, StageRole::chain},
    Stage{Hook::after_backups, StageRole::chain},
    Stage{Hook::on_error, StageRole::on_failure},
};
constexpr std::array install_stages{
    Stage{Hook::install_dependencies, StageRole::chain},
    Stage{Hook::on_error, StageRole::on_failure},
};
constexpr Job backup_job{JobId::backup, backup_stages};
constexpr Job install_job{JobId::install, install_stages};

}  // namespace

const Job& job_of(JobId id) noexcept {
  switch (id) {
    case JobId::backup: return backup_job;
    case JobId::install: return install_job;
  }
  return backup_job;
}

}  // namespace sidefridge::core
