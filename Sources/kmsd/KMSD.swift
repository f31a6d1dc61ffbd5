import ArgumentParser

@main
struct KMSD: AsyncParsableCommand {}
