from storyreel_continuity.app import main

main()
