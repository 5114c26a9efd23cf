"""Steps over ports that both doors share: admitting files, answering briefs, claiming outcomes, answering once."""
