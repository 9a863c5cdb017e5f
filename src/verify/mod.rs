//! Verdicts: what timedatectl and chronyc say, judged by role.
