package version

// Release is the version of this tree by Semantic Versioning, without a leading "v"; see CHANGELOG.md.
const Release = "0.1.0-dev"
