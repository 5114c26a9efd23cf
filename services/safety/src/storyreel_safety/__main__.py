from storyreel_safety.app import main

main()
