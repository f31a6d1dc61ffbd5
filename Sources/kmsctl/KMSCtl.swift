import ArgumentParser

@main
struct KMSCtl: AsyncParsableCommand {}
