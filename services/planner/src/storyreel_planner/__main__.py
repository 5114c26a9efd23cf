from storyreel_planner.app import main

main()
